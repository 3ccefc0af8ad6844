"""A bench for people: its tables on stdout, in Markdown where a page needs them, and its figure."""

import os
from collections.abc import Iterable
from pathlib import Path

from rich import table as rich
from rich.console import Console

from qptlab.bench import registry
from qptlab.bench.table import Table
from qptlab.errors import InputError

WIDTH = 120
"""Columns where there is no terminal to ask."""

out = Console(highlight=False, markup=False)
if not out.is_terminal:
    out = Console(highlight=False, markup=False, width=WIDTH)


def bench_report(report: dict) -> None:
    """The machine, and the tables of the bench."""
    about = report["machine"]
    out.print(
        f"{about['cpu']}, {about['cores']} cores; {about['threads']} threads for everyone; "
        f"float64 matrix product {about['matmul_gflops']:.0f} GFLOP/s; "
        f"load {about['load_average'][0]:.1f} before, {about['load_average_after'][0]:.1f} after\n"
        + ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        + "\n"
        + " ".join(f"{name}={value}" for name, value in about["environment"].items())
    )
    print_tables(registry.bench(report["bench"]).module.tables(report), out)


def print_tables(tables: Iterable[Table | str], out: Console) -> None:
    """Tables and sentences."""
    for what in tables:
        if isinstance(what, str):
            out.print(what, soft_wrap=True)
        elif what.markdown and not out.is_terminal:
            lines = [what.header, ["---"] * len(what.header), *what.lines]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            out.print(f"\n{what.title}\n\n{table}\n", soft_wrap=True)
        else:
            out.print(_rich(what))


def _rich(what: Table) -> rich.Table:
    table = rich.Table(title=what.title, caption=what.caption)
    for index, name in enumerate(what.header):
        justify = "left" if index < what.text_columns else "right"
        table.add_column(name, justify=justify, no_wrap=what.no_wrap and index == 0)
    for line in what.lines:
        table.add_row(*line)
    return table


def figure_file(bench: str, path: Path) -> Path:
    """The file of --figure, if it can be drawn there; asked before an hour is spent.

    Raises:
        InputError: another bench, a kind of picture that cannot be drawn, or no such folder.
    """
    from matplotlib.figure import Figure

    if not registry.bench(bench).draws:
        raise InputError(f"--figure belongs to the bench {registry.drawing()}; got {bench}")
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise InputError(f"{path} is no picture; its name may end in .{', .'.join(sorted(kinds))}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written")
    return path

"""What a bench shows, as data: tables, and goals with whether they are met."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from qptlab.units import MICROHARTREE_PER_HARTREE

Cell = str | Callable[[dict], str]
"""How a row of a report is written: a template of its fields, or a function."""


@dataclass(frozen=True)
class Table:
    """What was measured, in words.

    Attributes:
        text_columns: how many from the left hold words; numbers stand to the right.
        no_wrap: the first column is never folded.
        markdown: where there is no terminal, print Markdown, to be pasted into a page.
    """

    title: str | None
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    caption: str | None = None
    text_columns: int = 1
    no_wrap: bool = False
    markdown: bool = False


def table(title: str, columns: Mapping[str, Cell], rows: Iterable[dict], **more) -> Table:
    """A line for each row; `columns` are {heading: cell}, `more` is of `Table`."""

    def written(cell: Cell, row: dict) -> str:
        return cell.format(**row) if isinstance(cell, str) else cell(row)

    lines = [[written(cell, row) for cell in columns.values()] for row in rows]
    return Table(title, list(columns), lines, **more)


def micro(error_ha: float) -> str:
    """In microhartree, three digits."""
    return f"{error_ha * MICROHARTREE_PER_HARTREE:.3g}"


def functional(row: dict) -> str:
    """The theory of a row without its basis set."""
    return row["theory"].partition("/")[0]


def race_table(title: str, extra: Mapping[str, Cell], rows: Iterable[dict]) -> Table:
    """Rows that are `Raced`, with columns of their own at the end."""
    columns: dict[str, Cell] = {
        "case": "{case}",
        "theory": functional,
        "ours": "{ours_s:.4g}",
        "peer": "{peer_s:.4g} {peer}",
        "ratio": "{ratio:.2f} ({ratio_quartiles[0]:.2f}–{ratio_quartiles[1]:.2f})",
        "compile": "{compile_s:.1f}",
    }
    caption = "median seconds; ratio = ours / peer, quartiles by round"
    return table(title, {**columns, **extra}, rows, caption=caption, text_columns=2)


def goal(what: str, limit: float, value: float | None) -> dict:
    """A goal with what was measured; `met` is None where nothing was."""
    met = None if value is None else value <= limit
    return {"goal": what, "at_most": limit, "measured": value, "met": met}


def goals_table(report: dict) -> Table:
    """The goals in the summary of a report."""
    words = {True: "met", False: "missed", None: "not measured"}
    columns: dict[str, Cell] = {
        "goal": "{goal}",
        "at most": "{at_most:g}",
        "measured": lambda aim: "–" if aim["measured"] is None else f"{aim['measured']:.3g}",
        "": lambda aim: words[aim["met"]],
    }
    return table("goals", columns, report["summary"]["goals"])

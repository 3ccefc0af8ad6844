"""A bench as tables: what was measured, and the goals beside it."""

from rich.console import Console
from rich.table import Table

from qptlab.cli.accuracy_table import print_accuracy
from qptlab.cli.cost_report import cost_tables

WIDTH = 120
"""Columns where there is no terminal to ask."""

out = Console(highlight=False, markup=False)
if not out.is_terminal:
    out = Console(highlight=False, markup=False, width=WIDTH)

TITLES = {
    "energy+fock": "energy and Fock matrix of a given density, everything else at hand",
    "scf": "SCF from a molecule to its converged energy, integrals and grid included",
    "energy+dE/dF": "energy of D(F) and its gradient dE/dF: one step of training",
    "training step": "a training step with the panel open and orbitals live, beside a bare loop",
}


def bench_report(report: dict) -> None:
    """The machine, and the tables of the bench."""
    _machine(report["machine"])
    if report["bench"] == "agreement":
        out.print(_agreement(report["rows"]))
        return
    if report["bench"] == "accuracy":
        print_accuracy(report, out)
        return
    if report["bench"] == "cost":
        for table in cost_tables(report):
            out.print(table)
        out.print(_goals(report["summary"]["goals"]))
        return
    for operation, title in TITLES.items():
        rows = [row for row in report["rows"] if row["operation"] == operation]
        if rows:
            out.print(_operation(title, rows))
    out.print(_goals(report["summary"]["goals"]))
    for sentence in report["summary"].get("disagreements", ()):
        out.print(sentence)


def _machine(about: dict) -> None:
    out.print(
        f"{about['cpu']}, {about['cores']} cores; {about['threads']} threads for everyone; "
        f"float64 matrix product {about['matmul_gflops']:.0f} GFLOP/s; "
        f"load {about['load_average'][0]:.1f} before, {about['load_average_after'][0]:.1f} after\n"
        + ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        + "\n"
        + " ".join(f"{name}={value}" for name, value in about["environment"].items())
    )


def _agreement(rows: list[dict]) -> Table:
    table = Table(
        title="largest differences, atomic units",
        caption="energy and Fock matrix: PySCF; force, dipole, polarizability: finite differences",
    )
    columns = {
        "energy": "difference_energy_df",
        "exact": "difference_energy_exact",
        "Fock": "difference_fock_df",
        "Fock, exact": "difference_fock_exact",
        "force": "difference_force",
        "dipole": "difference_dipole",
        "polarizability": "difference_polarizability",
    }
    for name in ("functional", "shell"):
        table.add_column(name)
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        numbers = [f"{row[name]:.0e}" for name in columns.values()]
        table.add_row(row["theory"].partition("/")[0], row["shell"], *numbers)
    return table


def _operation(title: str, rows: list[dict]) -> Table:
    extra = {
        "energy+fock": ("ΔE / Ha", "ΔF / Ha", "of peak"),
        "energy+dE/dF": ("ΔE / Ha", "ΔdE/dF", "× energy+fock"),
        "scf": ("builds", "error / Ha", "peak MB"),
        "training step": ("speed", "plots", "orbitals"),
    }[rows[0]["operation"]]
    table = Table(title=title, caption="median seconds; ratio = ours / peer, quartiles by round")
    for name in ("case", "theory"):
        table.add_column(name)
    for name in ("ours", "peer", "ratio", "compile", *extra):
        table.add_column(name, justify="right")
    for row in rows:
        low, high = row["ratio_quartiles"]
        table.add_row(
            row["case"],
            row["theory"].partition("/")[0],
            f"{row['ours_s']:.4g}",
            f"{row['peer_s']:.4g} {row['peer']}",
            f"{row['ratio']:.2f} ({low:.2f}–{high:.2f})",
            f"{row['compile_s']:.1f}",
            *_extra(row),
        )
    return table


def _extra(row: dict) -> tuple[str, ...]:
    if row["operation"] == "scf":
        return (
            f"{row['fock_builds_ours']} / {row['fock_builds_pyscf']}",
            f"{row['error_ours_ha']:.0e} / {row['error_pyscf_ha']:.0e}",
            f"{row['peak_mb_ours']:.0f} / {row['peak_mb_pyscf_df']:.0f}",
        )
    if row["operation"] == "training step":
        return f"{100 * row['speed']:.0f} %", str(row["plots_drawn"]), str(row["orbitals_drawn"])
    if row["operation"] == "energy+fock":
        last = row["fock_difference_ha"], f"{100 * row['share_of_peak']:.0f} %"
    else:
        last = row["slope_difference"], f"{row['ratio_to_energy_and_fock']:.2f}"
    return f"{row['energy_difference_ha']:.0e}", f"{last[0]:.0e}", last[1]


def _goals(goals: list[dict]) -> Table:
    table = Table(title="goals")
    table.add_column("goal")
    for name in ("at most", "measured", ""):
        table.add_column(name, justify="right")
    words = {True: "met", False: "missed", None: "not measured"}
    for goal in goals:
        value = "–" if goal["measured"] is None else f"{goal['measured']:.3g}"
        table.add_row(goal["goal"], f"{goal['at_most']:g}", value, words[goal["met"]])
    return table

"""What the bench `first` comes to: rows, seconds to an error, tables and goals."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qptlab.bench.row import Compared
from qptlab.bench.table import Cell, Table, goal, goals_table, micro, table

JUDGED = 2
"""Refining iterations that the goals are about, and behind the initial guess."""
SMALL, LARGE = 12, 20
"""Atoms: a small molecule has at most, a large one at least as many."""
PARTS = ("start_s", "import_s", "load_s", "integrals_s", "trace_s", "lower_s", "compile_s", "run_s")
"""Of a fresh process: until Python runs, and so on. `compile_s` is also that of reading a cache."""


@dataclass(frozen=True, kw_only=True)
class FirstRow(Compared):
    """One molecule; medians. Ours is a fresh process with a warm cache, the peer PySCF's."""

    atoms: int
    refine: int  # refining iterations
    rounds: int
    error_ha: float  # of the prediction, to which PySCF is run
    empty: dict[str, float]  # fresh process, empty cache: `PARTS`, seconds, programs, peak_mb, …
    warm: dict[str, float]  # the same again
    live_s: float  # another geometry of the molecule was predicted before
    live_peer_s: float  # PySCF, once more in its process
    live_ratio: float
    live_programs: float  # compiled meanwhile
    other_s: float  # another molecule was predicted before
    other_programs: float
    guess_s: float | None  # fresh: PySCF from `initial_guess` to its own convergence
    minao_s: float | None  # and from minao
    guess_ratio: float | None

    def progress(self) -> str:
        return (
            f"  {self.refine} refining: empty cache {self.empty['seconds']:.2f} s, warm "
            f"{self.ours_s:.2f} s, PySCF {self.peer_s:.2f} s; live {self.live_s:.3f} s, PySCF "
            f"{self.live_peer_s:.3f} s"
        )


def median_of(several: list[dict]) -> dict[str, float]:
    """The median of each number."""
    names = [name for name, value in several[0].items() if isinstance(value, int | float)]
    return {name: statistics.median(one[name] for one in several) for name in names}


def seconds_to_error(run: dict, exact: float, error: float) -> float:
    """When PySCF's energy is within `error` (hartree) to stay; its end where it never is.

    Args:
        run: as `pyscf_first` prints it.
        exact: the converged energy, hartree.
    """
    found = run["converged_s"]
    for seconds, energy in reversed(list(zip(run["seconds"], run["energies"], strict=True))):
        if abs(energy - exact) > error:
            break
        found = seconds
    return found


def summary(rows: list[FirstRow]) -> dict:
    """The goals, about medians over the molecules."""
    judged = [row for row in rows if row.refine == JUDGED]

    def median(figure: Callable[[FirstRow], float], least: int = 0, most: int = 10**9):
        found = [figure(row) for row in judged if least <= row.atoms <= most]
        return statistics.median(found) if found else None

    what = f"{JUDGED} refining, ours / PySCF"
    return {
        "goals": [
            goal(f"warm cache, {what}", 0.7, median(lambda row: row.ratio)),
            goal(f"warm cache, from {LARGE} atoms, {what}", 0.4, median(lambda r: r.ratio, LARGE)),
            goal(f"live, {what}", 0.25, median(lambda row: row.live_ratio)),
            goal(
                f"empty cache, up to {SMALL} atoms, seconds",
                12.0,
                median(lambda row: row.empty["seconds"], most=SMALL),
            ),
            goal(
                f"initial guess and PySCF, from {SMALL} atoms / PySCF from minao",
                0.75,
                median(lambda row: row.guess_ratio, SMALL),
            ),
        ]
    }


def tables(report: dict) -> Iterator[Table]:
    """Seconds, their parts, the initial guess, and the goals."""
    rows = report["rows"]
    head: dict[str, Cell] = {"case": "{case}", "atoms": "{atoms}", "refining": "{refine}"}
    yield table(
        "seconds from the command to the answer",
        {
            **head,
            "error / µHa": lambda row: micro(row["error_ha"]),
            "empty": lambda row: f"{row['empty']['seconds']:.2f}",
            "warm": "{ours_s:.2f}",
            "PySCF": "{peer_s:.2f}",
            "ratio": "{ratio:.2f}",
            "live": "{live_s:.3f}",
            "live PySCF": "{live_peer_s:.3f}",
            "live ratio": "{live_ratio:.2f}",
            "other": "{other_s:.2f} ({other_programs:.0f})",
        },
        rows,
        caption="medians of the rounds; empty, warm: the cache of programs; PySCF: from minao to "
        "the same error; live: after another geometry; other: after another molecule (programs "
        "compiled)",
    )
    for cache in ("empty", "warm"):
        caption = "programs are compiled beside the integrals; run: what is left"
        parts = {**head, **_parts(cache)}
        yield table(f"their parts, {cache} cache", parts, rows, caption=caption)
    yield table(
        "to PySCF's convergence, in fresh processes",
        {
            "case": "{case}",
            "atoms": "{atoms}",
            "initial_guess": "{guess_s:.2f}",
            "minao": "{minao_s:.2f}",
            "ratio": "{guess_ratio:.2f}",
        },
        [row for row in rows if row["guess_s"] is not None],
    )
    yield goals_table(report)


def _parts(cache: str) -> dict[str, Cell]:
    """Columns of what a fresh process did; programs, and how many came from the cache."""
    seconds: dict[str, Cell] = {
        name.removesuffix("_s"): lambda row, name=name: f"{row[cache][name]:.2f}" for name in PARTS
    }
    return {
        **seconds,
        "programs": lambda row: f"{row[cache]['programs']:.0f} ({row[cache]['cached']:.0f})",
        "peak MB": lambda row: f"{row[cache]['peak_mb']:.0f}",
    }

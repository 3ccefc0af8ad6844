"""What to measure, checked before anything runs."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from qptlab.molecule import molecule
from qptlab.qpt.runs.shipped import frozen_frames, shipped_names, shipped_text
from qptlab.qpt.training.config import TrainConfig
from qptlab.theory import FUNCTIONALS, Theory, parse_theory

CASES = {
    "dft": ("water", "ethanol", "benzene", "uracil", "alanine-dipeptide"),
    "agreement": ("water", "methyl"),
    "cost": ("water", "ethanol"),
    "panel": ("water", "ethanol"),
}
THEORIES = {
    "dft": ("pbe", "b3lyp5"),
    "agreement": FUNCTIONALS,
    "cost": ("pbe",),
    "panel": ("b3lyp5",),
}
TAKES = {
    "dft": ("theories", "peer-cases", "rounds"),
    "agreement": ("theories",),
    "accuracy": (),
    "cost": ("theories", "minutes", "labels"),
    "panel": ("theories", "rounds"),
}
"""Options of each bench besides those that all of them have."""
BENCHES = tuple(TAKES)
BASIS = "def2-svp"
PEER_CASES = ("ethanol",)
ROUNDS = 7
MINUTES, LABELS = 5.0, (25, 100, 400)


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        bench: one of `BENCHES`.
        cases: names of molecules of the library; of "accuracy", of networks that ship.
        theories: for example "pbe/def2-svp"; of "accuracy" none: each network has its own.
        peer_cases: those of the cases that the slow optional peers take part in.
        rounds: how often each contestant has its turn.
        threads: of JAX, of PySCF, and of every BLAS.
        minutes: of the longest training of the bench `cost`.
        labels: how many its supervised trainings have, one after the other.
    """

    bench: str
    cases: tuple[str, ...]
    theories: tuple[str, ...]
    peer_cases: tuple[str, ...]
    rounds: int
    threads: int
    minutes: float = MINUTES
    labels: tuple[int, ...] = LABELS

    def theory(self, index: int) -> Theory:
        """One of the theories, parsed."""
        return parse_theory(self.theories[index])


def options(
    bench: str,
    cases: Sequence[str] | None = None,
    theories: Sequence[str] | None = None,
    peer_cases: Sequence[str] | None = None,
    rounds: int | None = None,
    threads: int | None = None,
    minutes: float | None = None,
    labels: Sequence[int] | None = None,
) -> Options:
    """Options with None replaced by what is usual.

    Args:
        theories: functionals, in def2-svp unless a basis set is given too.

    Raises:
        ValueError: an unknown bench, molecule or theory, or numbers that cannot be.
    """
    if bench not in BENCHES:
        raise ValueError(f"unknown bench {bench!r}; known: {', '.join(BENCHES)}")
    given = {
        "theories": theories,
        "peer-cases": peer_cases,
        "rounds": rounds,
        "minutes": minutes,
        "labels": labels,
    }
    for name, value in given.items():
        if value is not None and name not in TAKES[bench]:
            raise ValueError(f"bench {bench} takes no --{name}")
    peer_cases = tuple(PEER_CASES if peer_cases is None else peer_cases)
    cases, levels = _work(bench, cases, theories)
    for name in peer_cases:
        molecule(name)
    rounds = ROUNDS if rounds is None else rounds
    cores = len(usable_cores())
    threads = cores if threads is None else threads
    if rounds < 1:
        raise ValueError(f"rounds {rounds}; expected at least 1")
    if not 1 <= threads <= cores:
        raise ValueError(f"threads {threads}; this process may use 1 to {cores}")
    if threads < cores and not hasattr(os, "sched_setaffinity"):
        raise ValueError("fewer threads than cores can be had on Linux only")
    minutes = MINUTES if minutes is None else minutes
    labels = tuple(LABELS if labels is None else sorted(labels))
    if not 0 < minutes < math.inf:
        raise ValueError(f"minutes {minutes}; expected a number above 0")
    if not labels or labels[0] < TrainConfig.batch:
        raise ValueError(f"labels {labels}; expected numbers of at least {TrainConfig.batch}")
    return Options(bench, cases, levels, peer_cases, rounds, threads, minutes, labels)


def _work(
    bench: str, cases: Sequence[str] | None, theories: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cases and theories, each of them known."""
    if bench == "accuracy":
        names = tuple(name.lower() for name in (shipped_names() if cases is None else cases))
        if not names:
            raise ValueError(f"nothing to measure; shipped models: {shipped_text()}")
        for name in names:
            frozen_frames(name)
        return names, ()
    names = tuple(CASES[bench] if cases is None else cases)
    for name in names:
        spin = molecule(name).spin
        if bench in ("cost", "panel") and spin:
            raise ValueError(f"networks are for closed shells only; {name} has spin {spin}")
    specs = THEORIES[bench] if theories is None else theories
    levels = [parse_theory(spec if "/" in spec else f"{spec}/{BASIS}") for spec in specs]
    if not names or not levels:
        raise ValueError("nothing to measure; give at least one case and one theory")
    return names, tuple(map(str, levels))


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))

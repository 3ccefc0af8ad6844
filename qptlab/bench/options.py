"""What to measure, checked before anything runs."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

from qptlab.molecule import molecule
from qptlab.qpt.config import TrainConfig
from qptlab.theory import FUNCTIONALS, Theory
from qptlab.theory import theory as parse_theory

CASES = {
    "dft": ("water", "ethanol", "benzene", "uracil", "alanine-dipeptide"),
    "agreement": ("water", "methyl"),
    "cost": ("water", "ethanol"),
}
THEORIES = {"dft": ("pbe", "b3lyp5"), "agreement": FUNCTIONALS, "cost": ("pbe",)}
BENCHES = tuple(CASES)
BASIS = "def2-svp"
PEER_CASES = ("ethanol",)
ROUNDS = 7
MINUTES, LABELS = 5.0, (25, 100, 400)


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        bench: one of `BENCHES`.
        cases: names of molecules of the library.
        theories: for example "pbe/def2-svp".
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
    cases = tuple(CASES[bench] if cases is None else cases)
    peer_cases = tuple(PEER_CASES if peer_cases is None else peer_cases)
    for name in (*cases, *peer_cases):
        spin = molecule(name).spin
        if bench == "cost" and spin and name in cases:
            raise ValueError(f"networks are for closed shells only; {name} has spin {spin}")
    names = THEORIES[bench] if theories is None else theories
    levels = [parse_theory(name if "/" in name else f"{name}/{BASIS}") for name in names]
    rounds = ROUNDS if rounds is None else rounds
    cores = len(usable_cores())
    threads = cores if threads is None else threads
    if not cases or not levels:
        raise ValueError("nothing to measure; give at least one case and one theory")
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
    names = tuple(map(str, levels))
    return Options(bench, cases, names, peer_cases, rounds, threads, minutes, labels)


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))

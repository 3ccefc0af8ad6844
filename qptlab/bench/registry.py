"""Every bench: one record here, and one module of its name that measures.

`qptlab/bench/NAME.py` has
    rows(options)     yields a `Row` for each measurement
    summary(rows)     what they come to, as JSON has it
    tables(report)    what is printed: each a `Table`, or a sentence
    figure(report)    of a bench that draws: a figure of matplotlib's
It is imported when the bench is asked for; `qptlab --help` needs this file only.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from qptlab.errors import InputError, quoted
from qptlab.library import molecule
from qptlab.theory import FUNCTIONALS

Choose = Callable[[Sequence[str] | None], tuple[str, ...]]
"""The cases that were asked for, None for the usual ones; InputError for what cannot be."""


def molecules(*usual: str, closed_shells: bool = False) -> Choose:
    """Cases are molecules of the library."""

    def choose(names: Sequence[str] | None) -> tuple[str, ...]:
        chosen = tuple(usual if names is None else names)
        for name in chosen:
            spin = molecule(name).spin
            if closed_shells and spin:
                raise InputError(f"networks are for closed shells only; {name} has spin {spin}")
        return chosen

    return choose


def networks(names: Sequence[str] | None) -> tuple[str, ...]:
    """Cases are networks that ship, by default all of them."""
    # here, for ASE's readers would delay `--help`
    from qptlab.qpt.runs.shipped import frozen_frames, shipped_names, shipped_text

    chosen = tuple(name.lower() for name in (shipped_names() if names is None else names))
    for name in chosen:
        frozen_frames(name)
    if not chosen:
        raise InputError(f"nothing to measure; shipped models: {shipped_text()}")
    return chosen


def first_molecules(names: Sequence[str] | None) -> tuple[str, ...]:
    """Cases are molecules of the library or of the bench `first`."""
    from qptlab.bench.first_cases import NAMES, case_molecule

    chosen = NAMES if names is None else tuple(name.lower() for name in names)
    for name in chosen:
        case_molecule(name)
    return chosen


@dataclass(frozen=True)
class Bench:
    """What `qptlab bench NAME` measures.

    Attributes:
        about: a few words, for --help.
        cases: chooses them.
        theories: the usual ones; of a bench with none, each case has its own.
        takes: the fields of `Options` that it heeds besides cases, theories and threads.
        draws: whether it has a figure.
        rounds: how many are usual.
    """

    name: str
    about: str
    cases: Choose
    theories: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    draws: bool = False
    rounds: int = 7

    @property
    def module(self) -> ModuleType:
        """Where its functions are."""
        return importlib.import_module(f"qptlab.bench.{self.name}")


DFT_CASES = molecules("water", "ethanol", "benzene", "uracil", "alanine-dipeptide")
WITH_NETWORKS = molecules("water", "ethanol", closed_shells=True)

BENCHES = [
    Bench("dft", "speed", DFT_CASES, ("pbe", "b3lyp5"), ("peer_cases", "rounds")),
    Bench("agreement", "ours against PySCF", molecules("water", "methyl"), tuple(FUNCTIONALS)),
    Bench("accuracy", "of the networks that ship", networks),
    Bench("cost", "with labels, without", WITH_NETWORKS, ("pbe",), ("minutes", "labels"), True),
    Bench("first", "seconds to a first answer", first_molecules, takes=("rounds",), rounds=3),
    Bench("panel", "what watching a training costs it", WITH_NETWORKS, ("b3lyp5",), ("rounds",)),
]


def bench(name: str) -> Bench:
    """One of them.

    Raises:
        InputError: there is none of that name.
    """
    known = {record.name: record for record in BENCHES}
    if name not in known:
        raise InputError(f"unknown bench {quoted(name)}; known: {', '.join(known)}")
    return known[name]


def drawing() -> str:
    """The names of those that draw, in words."""
    return " or ".join(record.name for record in BENCHES if record.draws)

"""What to measure, checked before anything runs."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field

from qptlab.bench.registry import bench as known_bench
from qptlab.errors import InputError
from qptlab.library import molecule
from qptlab.qpt.training.config import TrainConfig
from qptlab.theory import Theory, parse_theory

BASIS = "def2-svp"


def say(line: str) -> None:
    """Show a line at once to whoever waits: on stderr, for stdout holds the report."""
    print(line, file=sys.stderr, flush=True)


def names(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers between commas."""
    return tuple(map(int, names(text)))


def _option(metavar: str, read: Callable[[str], object], help: str, usual: object = MISSING):
    return field(default=usual, metadata={"metavar": metavar, "type": read, "help": help})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure. Every field but the first is an option: a new one is one line here.

    Threads are those of JAX, of PySCF, and of every BLAS. Where each case has its own theory, there
    are no `theories`. The slow optional peers take part in `peer_cases` only.
    """

    bench: str
    cases: tuple[str, ...] = _option("A,B", names, "library molecules, or networks that ship")
    theories: tuple[str, ...] = _option("A,B", names, "pbe,b3lyp5 by default")
    peer_cases: tuple[str, ...] = _option("A,B", names, "with pyscfad; ethanol", ("ethanol",))
    rounds: int = _option("N", int, "turns of each contestant; 7, in first 3", 7)
    threads: int = _option("N", int, "of everyone; all cores by default")
    minutes: float = _option("M", float, "cost: of the longest training; 5", 5.0)
    labels: tuple[int, ...] = _option("A,B", numbers, "cost: 25,100,400 by default", (25, 100, 400))

    def pairs(self) -> Iterator[tuple[str, Theory]]:
        """Every case with every theory; each is announced when its turn comes."""
        for case in self.cases:
            for spec in self.theories:
                say(f"{case}, {spec}")
                yield case, parse_theory(spec)

    def known(self, case: str, theory: Theory) -> dict:
        """What every row begins with."""
        return {"case": case, "theory": str(theory), "threads": self.threads}


def options(bench: str, **given: object) -> Options:
    """Options with what is usual where nothing, or None, is given.

    Args:
        given: fields of `Options`. Theories may be functionals, which are then in def2-svp.

    Raises:
        InputError: an unknown bench, molecule or theory, numbers that cannot be, or an option
            that this bench does not take.
    """
    record = known_bench(bench)
    given = {name: value for name, value in given.items() if value is not None}
    takes = {"cases", "threads", *record.takes} | ({"theories"} if record.theories else set())
    for name in given:
        if name not in takes:
            raise InputError(f"bench {bench} takes no --{name.replace('_', '-')}")
    cases, theories = record.cases(given.get("cases")), given.get("theories", record.theories)
    if not cases or (record.theories and not theories):
        raise InputError("nothing to measure; give at least one case and one theory")
    specs = (spec if "/" in spec else f"{spec}/{BASIS}" for spec in theories)
    usual = {"threads": len(usable_cores()), "labels": Options.labels, "rounds": record.rounds}
    found = usual | given
    found |= {"cases": cases, "labels": tuple(sorted(found["labels"]))}
    found["theories"] = tuple(str(parse_theory(spec)) for spec in specs)
    made = Options(bench=bench, **found)
    _check(made)
    return made


def _check(made: Options) -> None:
    cores, least = len(usable_cores()), TrainConfig.batch
    for name in made.peer_cases:
        molecule(name)
    if made.rounds < 1:
        raise InputError(f"rounds {made.rounds}; expected at least 1")
    if not 1 <= made.threads <= cores:
        raise InputError(f"threads {made.threads}; this process may use 1 to {cores}")
    if made.threads < cores and not hasattr(os, "sched_setaffinity"):
        raise InputError("fewer threads than cores can be had on Linux only")
    if not 0 < made.minutes < math.inf:
        raise InputError(f"minutes {made.minutes}; expected a number above 0")
    if min(made.labels, default=0) < least:
        raise InputError(f"labels {made.labels}; expected numbers of at least {least}")


def usable_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))

"""Timing: contestants take turns, so that what disturbs the machine disturbs them alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import jax.monitoring
import numpy as np

TURN_SECONDS = 0.1
MOST_SECONDS = 120.0
FEWEST_ROUNDS = 3
HOPELESS = 3.0
COMPILING = "/jax/core/compile/"
"""With which JAX's events of tracing, lowering and compiling begin."""

Work = Callable[[], object]
Begin = Callable[[], Work]
"""Makes ready, untimed, and returns the work to time."""

_compiling_s = 0.0


def compile_seconds(work: Work) -> float:
    """Seconds that JAX compiles in one call; nested traces count twice.

    From JAX's own events: a first call also computes, and that varies.
    """
    before = _compiling_s
    work()
    return _compiling_s - before


def _listen(event: str, seconds: float, **_) -> None:
    global _compiling_s
    if event.startswith(COMPILING):
        _compiling_s += seconds


jax.monitoring.register_event_duration_secs_listener(_listen)


@dataclass(frozen=True)
class Race:
    """Wall seconds and cores used (CPU seconds per wall second) of each contestant, by round."""

    seconds: dict[str, list[float]]
    cores: dict[str, list[float]]

    def median(self, name: str) -> float:
        return float(np.median(self.seconds[name]))

    def fastest(self, *but: str) -> str:
        """Who has the smallest median, `but` aside."""
        return min((name for name in self.seconds if name not in but), key=self.median)

    def compared(self, ours: str, peer: str) -> dict:
        """The columns that compare two: medians, their ratio, and its spread over the rounds."""
        both = zip(self.seconds[ours], self.seconds[peer], strict=False)
        quartiles = np.quantile([one / other for one, other in both], [0.25, 0.75])
        return {
            "ours_s": self.median(ours),
            "peer_s": self.median(peer),
            "peer": peer,
            "ratio": self.median(ours) / self.median(peer),
            "ratio_quartiles": quartiles.tolist(),
            "rounds": len(self.seconds[peer]),
            "ours_cores": float(np.median(self.cores[ours])),
            "peer_cores": float(np.median(self.cores[peer])),
        }

    def beside_the_fastest(self, *ours: str) -> dict:
        """The columns that compare the first of ours with the fastest peer; medians of all."""
        peers = {name: self.median(name) for name in self.seconds if name not in ours}
        return self.compared(ours[0], self.fastest(*ours)) | {"peers_s": peers}


def race(
    contestants: dict[str, Begin],
    rounds: int,
    turn_seconds: float = TURN_SECONDS,
    ours: tuple[str, ...] = ("ours",),
) -> Race:
    """Time everyone once per round, in turns.

    A turn repeats the work until `turn_seconds` are over and counts its median: within an SCF or
    a training it is repeated too. A peer that needs more than `HOPELESS` times as long as the
    fastest peer rests after its first turn. After `MOST_SECONDS` no more than `FEWEST_ROUNDS` are
    run.
    """
    seconds = {name: [] for name in contestants}
    cores = {name: [] for name in contestants}
    peers = [name for name in contestants if name not in ours]
    started = time.perf_counter()
    for done in range(rounds):
        if done >= FEWEST_ROUNDS and time.perf_counter() - started > MOST_SECONDS:
            break
        best = min((min(seconds[name], default=np.inf) for name in peers), default=np.inf)
        for name, begin in contestants.items():
            if name in peers and done and min(seconds[name]) > HOPELESS * best:
                continue
            wall, cpu = _turn(begin, turn_seconds)
            seconds[name].append(wall)
            cores[name].append(cpu / wall)
    return Race(seconds, cores)


def _turn(begin: Begin, at_least: float) -> tuple[float, float]:
    """Median wall and CPU seconds of the work, repeated for a while."""
    walls, cpus = [], []
    started = time.perf_counter()
    while not walls or time.perf_counter() - started < at_least:
        work = begin()
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return float(np.median(walls)), float(np.median(cpus))

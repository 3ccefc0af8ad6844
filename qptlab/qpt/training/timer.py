"""The clock of one sitting of a training run."""

import contextlib
import math
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import jax
import numpy as np
from jaxtyping import PyTree

FIRST_RESERVE = 3.0
"""Seconds kept for the last validation before one has been measured."""


@dataclass
class Clock:
    """What a run has spent: seconds in earlier sittings, and in all compiling and on labels."""

    before: float = 0.0
    compile_seconds: float = 0.0
    label_seconds: float = 0.0
    _compiled: set[tuple] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def running(self, program: str, inputs: Iterable[PyTree]) -> Iterator[bool]:
        """While a program runs: whether it compiles, in which case the time is counted.

        A program compiles once for each shape of input, that is for each molecule.
        """
        trees = [(jax.tree.structure(x), *map(np.shape, jax.tree.leaves(x))) for x in inputs]
        keys = {(program, tree) for tree in trees}
        compiles, before = not keys <= self._compiled, time.perf_counter()
        yield compiles
        if compiles:
            with self._lock:  # geometries are prepared in a thread of their own
                self.compile_seconds += time.perf_counter() - before
                self._compiled |= keys

    @contextlib.contextmanager
    def labelling(self) -> Iterator[None]:
        """While a label is computed."""
        before = time.perf_counter()
        yield
        self.label_seconds += time.perf_counter() - before


class Timer:
    """Counts from `began` (`time.perf_counter()`); time during which the run is held is left out.

    Args:
        minutes: when the sitting has to end, or None.
        validates: whether time has to be kept for a last validation.
    """

    def __init__(self, began: float, minutes: float | None, validates: bool):
        self._began = began
        self._limit = math.inf if minutes is None else 60 * minutes
        self._reserve = FIRST_RESERVE if validates else 0.0
        self._schedule_from: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._began

    @property
    def is_up(self) -> bool:
        """Whether only the time for a last validation is left."""
        return self.seconds > self._limit - self._reserve

    @property
    def share_passed(self) -> float:
        """Share of the time for training that has passed; counts from the first time asked."""
        now = self.seconds
        if self._schedule_from is None:
            self._schedule_from = now
        available = self._limit - self._reserve - self._schedule_from
        return (now - self._schedule_from) / max(available, 1e-9)

    def validated(self, seconds: float) -> None:
        """Note what a validation took: the last one, perhaps on more geometries, takes more."""
        self._reserve = 2 * seconds

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While the consumer of the steps has the word."""
        before = time.perf_counter()
        yield
        self._began += time.perf_counter() - before

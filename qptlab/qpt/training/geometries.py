"""Training geometries, prepared in a background thread while the network trains."""

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import jax
import numpy as np

from qptlab.dft.integrals import integrals, use_one_thread
from qptlab.dft.ladder import rung
from qptlab.molecule import Molecule
from qptlab.qpt.labels import LabelSource, label
from qptlab.qpt.losses import Loss
from qptlab.qpt.prepared import Prepared, first_build
from qptlab.qpt.sampling import TRAIN, Sampler
from qptlab.qpt.training.pool import give_back_memory
from qptlab.qpt.training.step import Drawn
from qptlab.qpt.training.timer import Clock
from qptlab.theory import Theory

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Geometries:
    """What a training draws from: geometries by number, each as its loss needs it.

    Attributes:
        labels: for supervised losses, see `Training`.
        clock: told of what compiling and labels take.
    """

    sampler: Sampler
    theory: Theory
    loss: Loss
    labels: LabelSource | None
    seed: int
    clock: Clock

    def molecule(self, index: int) -> Molecule:
        """Geometry number `index`, from 0 on."""
        return self.sampler(TRAIN, self.seed, index)

    def first_build(self, molecule: Molecule) -> Prepared:
        """A geometry after its first Fock build."""
        ints = integrals(molecule, self.theory, fit=rung)
        with self.clock.running("first build", [ints]):
            return jax.block_until_ready(first_build(ints))

    def draw(self, index: int) -> Drawn:
        """Geometry number `index` as the loss needs it; runs in the background thread."""
        molecule = self.molecule(index)
        inputs, answer = self.loss.needed(self.first_build(molecule)), None
        if self.loss.supervised:
            with self.clock.labelling():
                fock = self.labels(molecule, self.theory)
            answer = label(fock, inputs)
        return Drawn(index, f"{molecule.formula} {molecule.charge}", inputs, answer)


class PreparedStream(Generic[Item]):
    """A window of prepared items that moves on as they are used.

    Which items a draw returns depends on the seed and on how many were drawn before it, never on
    how fast the background thread is: a training can be repeated, and resumed, exactly.

    Args:
        prepare: index → item; runs in the background thread.
        window: how many items to hold at most.
        reuse: how often each item is drawn, on average, before the window has moved past it.
        drawn: number of items already drawn by the run this one continues.
        total: how many items there are; None: no end of them.
    """

    AHEAD = 2
    TIDY_EVERY = 32

    def __init__(
        self,
        prepare: Callable[[int], Item],
        *,
        window: int,
        reuse: int,
        seed: int,
        drawn: int = 0,
        total: int | None = None,
    ):
        self._prepare, self._window, self._reuse, self._seed = prepare, window, reuse, seed
        self._drawn, self._total = drawn, sys.maxsize if total is None else total
        self._items: dict[int, Future] = {}
        self._pool = ThreadPoolExecutor(1, "qptlab-geometries", initializer=use_one_thread)

    def draw(self, count: int, waiting: Callable[[], None] = lambda: None) -> list[Item]:
        """`count` different items; calls `waiting` where the background thread is behind."""
        first, last = self._bounds(count)
        for index in [i for i in self._items if i < first]:
            self._items.pop(index).cancel()
        for index in range(first, min(last + self.AHEAD, self._total)):
            if index not in self._items:
                self._items[index] = self._pool.submit(self._prepared, index)
        rng = np.random.default_rng([self._seed, 2, self._drawn])
        indices = first + rng.choice(last - first, count, replace=False)
        self._drawn += count
        chosen = [self._items[index] for index in indices]
        if not all(item.done() for item in chosen):
            waiting()
        return [item.result() for item in chosen]

    def close(self) -> None:
        """Stop preparing."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _prepared(self, index: int) -> Item:
        if (index + 1) % self.TIDY_EVERY == 0:
            give_back_memory()
        return self._prepare(index)

    def _bounds(self, count: int) -> tuple[int, int]:
        """The window starts small, so that training starts at once, and grows before it moves."""
        growing = 2 * count + self._drawn // 2
        moved = max(self._window, count) + self._drawn // self._reuse
        last = min(growing, moved, self._total)
        return max(0, last - max(self._window, count)), last

"""Geometries of many molecules, all of them equally often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.sampling.base import TRAIN, Sampler, molecules, saved_as


@saved_as("mixture")
@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """Samplers in turn: each gives one geometry in every round, in an order shuffled per round.

    See `mixture`.
    """

    training: tuple[Sampler, ...]
    held_out: tuple[Sampler, ...] = ()

    def __post_init__(self):
        if not self.training:
            raise InputError("a mixture needs at least one sampler to train on; got none")
        known = {molecule for part in self.training for molecule in molecules(part, TRAIN)}
        both = [m for part in self.held_out for m in molecules(part, TRAIN) if m in known]
        if both:
            raise InputError(f"{both[0].formula} is to be trained on and to be held out; choose")

    @property
    def molecule(self) -> Molecule:
        """The first of them."""
        return self.training[0].molecule

    def molecules(self, split: str) -> tuple[Molecule, ...]:
        """Every molecule that a split's geometries are of."""
        return tuple(m for part in self._parts(split) for m in molecules(part, split))

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        parts = self._parts(split)
        number, place = divmod(index, len(parts))
        # of another length than a geometry's, so another stream; never ends in 0 (no entropy)
        entropy = [seed, int(split == TRAIN), number, len(parts)]
        chosen = int(np.random.default_rng(entropy).permutation(len(parts))[place])
        # a seed for each: otherwise all would be displaced alike in a round
        own_seed = int(np.random.default_rng([seed, chosen]).integers(2**32))
        return parts[chosen](split, own_seed, number)

    def __repr__(self):
        held_out = f", {len(self.held_out)} held out" if self.held_out else ""
        return f"Mixture({len(self.training)} to train on{held_out})"

    def _parts(self, split: str) -> tuple[Sampler, ...]:
        return self.training if split == TRAIN or not self.held_out else self.held_out


def mixture(training: Sequence[Sampler], held_out: Sequence[Sampler] = ()) -> Mixture:
    """Geometries of many molecules, for one network that learns them all.

    Args:
        training: samplers; each is drawn from equally often.
        held_out: samplers of molecules never trained on, to validate with; without any,
            validation takes other geometries of the training molecules.

    Raises:
        InputError: nothing to train on, or one geometry on both sides.

    >>> import qptlab as ql
    >>> known = [ql.wiggle(ql.molecule(name)) for name in ("water", "ammonia")]
    >>> ql.mixture(known, held_out=[ql.wiggle(ql.molecule("methane"))])
    Mixture(2 to train on, 1 held out)
    """
    return Mixture(tuple(training), tuple(held_out))

"""Training geometries by number, each after its first Fock build and as its loss needs it."""

from dataclasses import dataclass

import jax

from qptlab.dft.integrals import integrals
from qptlab.molecule import Molecule
from qptlab.qpt.labels import LabelSource, label
from qptlab.qpt.losses import Loss
from qptlab.qpt.prepared import Prepared, first_build
from qptlab.qpt.sampling import TRAIN, Sampler
from qptlab.qpt.training.step import Drawn
from qptlab.qpt.training.timer import Clock
from qptlab.theory import Theory


@dataclass(frozen=True, eq=False)
class Geometries:
    """What a training draws from.

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
        ints = integrals(molecule, self.theory)
        with self.clock.running("first build", [ints]):
            return jax.block_until_ready(first_build(ints))

    def draw(self, index: int) -> Drawn:
        """Geometry number `index` as the loss needs it; runs in the background thread."""
        molecule = self.molecule(index)
        inputs, answer = self.loss.needed(self.first_build(molecule)), None
        if self.loss.needs_labels:
            with self.clock.labelling():
                fock = self.labels(molecule, self.theory)
            answer = label(fock, inputs)
        return Drawn(index, f"{molecule.formula} {molecule.charge}", inputs, answer)

"""How a Fock matrix responds to a change of density: what a network adds to Coulomb screening.

Screening lets repulsion respond before the next Fock build; exchange and correlation wait for it.
Their response is linear in a small change and much the same in all molecules, so it can be learned,
like ΔF by backpropagation from the energy: as one factor for each pair of shells and each of a few
matrices that are linear in the change and turn with the molecule.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.integrals import Integrals
from qptlab.qpt.shell_blocks import scale_blocks
from qptlab.types import Matrix

CHANGES = (
    "S dD S",
    "J[dD]",
    "dD",
    "F dD S + S dD F",
    "Vxc dD S + S dD Vxc",
    "J[dD] D S + S D J[dD]",
)
"""What is scaled: dD is the change of density, D the density before, and F and Vxc the matrices of
the starting density."""


class XcResponse(eqx.Module):
    """The response of exchange and correlation for one geometry.

    Attributes:
        factors: (shell, shell, change), symmetric; of `CHANGES`.
        fock, vxc: F and Vxc of `CHANGES`, (ao, ao), hartree.
    """

    factors: Float[Array, "shell shell change"]
    fock: Matrix
    vxc: Matrix

    def scaled(self, by: Float[Array, ""]) -> "XcResponse":
        """The same response, larger or smaller."""
        return XcResponse(by * self.factors, self.fock, self.vxc)

    def __call__(self, dm: Matrix, change: Matrix, repulsion: Matrix, ints: Integrals) -> Matrix:
        """(ao, ao), hartree; linear in the change.

        Args:
            dm, change: D and dD, electrons.
            repulsion: J[dD], hartree.
        """
        overlap = ints.overlap
        matrices = [
            overlap @ change @ overlap,
            repulsion,
            change,
            anticommutator(self.fock, change, overlap),
            anticommutator(self.vxc, change, overlap),
            anticommutator(repulsion, dm, overlap),
        ]
        return scale_blocks(self.factors, jnp.stack(matrices), ints.shells)


def anticommutator(left: Matrix, right: Matrix, overlap: Matrix) -> Matrix:
    """left right S and its transpose: F D S + S D F."""
    product = left @ right @ overlap
    return product + product.T

"""How a Fock matrix answers a change of density: what a network adds to Coulomb screening.

Screening lets repulsion answer before the next Fock build; exchange and correlation wait for it.
Their answer is linear in a small change and nearly the same in all molecules, so it can be learned,
like ΔF by backpropagation from the energy: as one factor for each pair of shells and each of a few
matrices that are linear in the change and turn with the molecule.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Matrix, fill
from qptlab.dft.integrals import Integrals
from qptlab.dft.screening import screened
from qptlab.qpt.shell_blocks import scale_blocks

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
    """The answer of exchange and correlation for one geometry.

    Attributes:
        factors: (shell, shell, change), symmetric; of `CHANGES`.
        fock, vxc: F and Vxc of `CHANGES`, (ao, ao), hartree.
    """

    factors: Float[Array, "shell shell change"]
    fock: Matrix
    vxc: Matrix

    def scaled(self, by: Float[Array, ""]) -> "XcResponse":
        """The same answer, larger or smaller."""
        return XcResponse(by * self.factors, self.fock, self.vxc)

    def __call__(self, dm: Matrix, change: Matrix, repulsion: Matrix, ints: Integrals) -> Matrix:
        """(ao, ao), hartree; linear in the change.

        Args:
            dm, change: D and dD, electrons.
            repulsion: J[dD], hartree.
        """
        overlap = ints.overlap

        def anticommute(left, right):
            product = left @ right @ overlap
            return product + product.T

        matrices = [
            overlap @ change @ overlap,
            repulsion,
            change,
            anticommute(self.fock, change),
            anticommute(self.vxc, change),
            anticommute(repulsion, dm),
        ]
        return scale_blocks(self.factors, jnp.stack(matrices), ints.shells)


def respond(fock: Matrix, dm: Matrix, ints: Integrals, response: XcResponse | None) -> Matrix:
    """`fock` = F[dm] after repulsion has answered, and where there is a response also the rest.

    Returns:
        (ao, ao), hartree; of a density closer to the self-consistent one than `dm`.
    """
    first = screened(fock, dm, ints)
    if response is None:
        return first
    changed = fill(first, ints.overlap, ints.occupation).dm
    answer = response(dm, changed - dm, first - fock, ints)
    return screened(fock + answer, dm, ints, start=changed)

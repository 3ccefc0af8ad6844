"""The pipeline: guess → first Fock build → network → refining iterations → energy.

D0 → F0 = F[D0] → network gives ΔF → D1 from F0 + ΔF → K refining iterations → energy.
With K refining iterations a prediction costs K + 1 Fock builds, the first one included.

Source: Mathiasen et al., arXiv 2402.04030, section 3.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Filled, fill
from qptlab.dft.diis import DEPTH, Diis, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals
from qptlab.qpt.sample import Sample

Matrix = Float[Array, "ao ao"]

FIRST_SHARE = 0.6
"""Share of the newly built Fock matrix in the first refining iteration."""


class Trajectory(eqx.Module):
    """What the refining iterations pass through, index 0 being the unrefined prediction.

    Attributes:
        energies: (refine + 1,), total energies in hartree.
        energy, dm, fock: of the last density; `fock` is F[dm].
        commutator: largest element of FDS − SDF of the last density, hartree.
    """

    energies: Float[Array, " density"]
    energy: Energy
    dm: Matrix
    fock: Matrix
    commutator: Float[Array, ""]


class Densities(eqx.Module):
    """The densities that refining passes through, index 0 being the unrefined prediction.

    Attributes:
        orbitals: (refine + 1, ao, occ); filled by each density.
        energies, focks: (refine,) in hartree and (refine, ao, ao); of every density but the last,
            whose Fock matrix no iteration needs.
    """

    orbitals: Float[Array, "density ao occ"]
    energies: Float[Array, " refine"]
    focks: Float[Array, "refine ao ao"]


def refine(delta_fock: Matrix, sample: Sample, iterations: int, scheme: str = "diis") -> Trajectory:
    """Run the pipeline from a network's ΔF (zeros: no network) through refining iterations.

    Args:
        delta_fock: (ao, ao), hartree.
        iterations: number of refining iterations, 0 or more.
        scheme: as `densities`.
    """
    path, overlap = densities(delta_fock, sample, iterations, scheme), sample.integrals.overlap
    filled = Filled(path.orbitals[-1])
    terms, fock = energy_and_fock(filled, sample.integrals)
    dm = filled.dm
    return Trajectory(
        energies=jnp.append(path.energies, terms.total),
        energy=terms,
        dm=dm,
        fock=fock,
        commutator=jnp.max(jnp.abs(commutator(fock, dm, overlap))),
    )


def densities(
    delta_fock: Matrix, sample: Sample, iterations: int, scheme: str = "diis"
) -> Densities:
    """The densities that refining passes through.

    Args:
        scheme: "diis" damps the first iteration and extrapolates from the second on; "plain"
            repeats D → F[D] → D as the paper does, which diverges for most functionals.
    """
    if scheme not in ("diis", "plain"):
        raise ValueError(f"unknown refining scheme {scheme!r}; known: diis, plain")
    ints = sample.integrals
    # With damping the first extrapolation, of one matrix, is the plain step.
    share = FIRST_SHARE if scheme == "diis" else 1.0

    def occupy(fock):
        return fill(fock, ints.overlap, ints.occupation)

    def iterate(carry, k):
        filled, fock_before, history = carry
        terms, fock = energy_and_fock(filled, ints)
        history = history.push(fock, commutator(fock, filled.dm, ints.overlap))
        mixed = history.extrapolate() if scheme == "diis" else fock
        first = share * fock + (1 - share) * fock_before
        following = occupy(jnp.where(k == 0, first, mixed))
        return (following, fock, history), (following.orbitals, terms.total, fock)

    fock_in = sample.fock + delta_fock
    first = occupy(fock_in)
    history = Diis.empty(fock_in.shape, depth=min(max(iterations, 1), DEPTH))
    _, (orbitals, energies, focks) = jax.lax.scan(
        iterate, (first, fock_in, history), jnp.arange(iterations)
    )
    return Densities(jnp.concatenate([first.orbitals[None], orbitals]), energies, focks)


def diis_energies(integrals: Integrals, builds: int) -> Float[Array, " build"]:
    """Energies (hartree) of plain DIIS from the starting density after 1, 2, … `builds` builds.

    The baseline a network has to beat: the same number of Fock matrices and no network.
    """

    def iterate(carry, _):
        dm, fock, history = carry
        history = history.push(fock, commutator(fock, dm, integrals.overlap))
        filled = fill(history.extrapolate(), integrals.overlap, integrals.occupation)
        terms, fock = energy_and_fock(filled, integrals)
        return (filled.dm, fock, history), terms.total

    dm = integrals.dm_guess
    carry = (dm, energy_and_fock(dm, integrals)[1], Diis.empty(dm.shape))
    return jax.lax.scan(iterate, carry, None, length=builds)[1]

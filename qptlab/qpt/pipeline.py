"""The pipeline: guess → first Fock build → network → refining iterations → energy.

D0 → F0 = F[D0], screened → network gives ΔF → D1 from their sum → K refining iterations → energy.
In each of these the network may also say how F will answer. With K refining iterations a prediction
costs K + 1 Fock builds, the first one included.

Source: Mathiasen et al., arXiv 2402.04030, section 3; screening is not in the paper.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.density import Filled, fill
from qptlab.dft.diis import DEPTH, Diis, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals
from qptlab.qpt.prepared import Prepared
from qptlab.qpt.xc_response import XcResponse, respond

Matrix = Float[Array, "ao ao"]


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


def refine(
    delta_fock: Matrix,
    prepared: Prepared,
    iterations: int,
    scheme: str = "screened",
    response: XcResponse | None = None,
) -> Trajectory:
    """Run the pipeline from a network's ΔF (zeros: no network) through refining iterations.

    Args:
        delta_fock: (ao, ao), hartree.
        iterations: number of refining iterations, 0 or more.
        scheme, response: as `densities`.
    """
    path = densities(delta_fock, prepared, iterations, scheme, response)
    overlap = prepared.integrals.overlap
    filled = Filled(path.orbitals[-1])
    terms, fock = energy_and_fock(filled, prepared.integrals)
    dm = filled.dm
    return Trajectory(
        energies=jnp.append(path.energies, terms.total),
        energy=terms,
        dm=dm,
        fock=fock,
        commutator=jnp.max(jnp.abs(commutator(fock, dm, overlap))),
    )


def densities(
    delta_fock: Matrix,
    prepared: Prepared,
    iterations: int,
    scheme: str = "screened",
    response: XcResponse | None = None,
) -> Densities:
    """The densities that refining passes through.

    Args:
        scheme: "screened" extrapolates by DIIS and screens what it finds; "plain" repeats
            D → F[D] → D as the paper does, which diverges for most functionals.
        response: of the network, `Network.xc_response`; used by "screened".
    """
    if scheme not in ("screened", "plain"):
        raise ValueError(f"unknown refining scheme {scheme!r}; known: screened, plain")
    ints = prepared.integrals

    def occupy(fock):
        return fill(fock, ints.overlap, ints.occupation)

    def iterate(carry, _):
        filled, history, last_energy = carry
        dm = filled.dm
        terms, fock = energy_and_fock(filled, ints)
        # D and F mixed alike: the mixture is to first order the Fock matrix of its density
        history = history.push(jnp.stack([fock, dm]), commutator(fock, dm, ints.overlap))
        mixed = fock
        if scheme == "screened":
            # an answer that made the energy higher is not asked for again
            helped = terms.total <= last_energy
            trusted = None if response is None else response.scaled(jnp.where(helped, 1.0, 0.0))
            mixed = respond(*history.extrapolate(), ints, trusted)
        following = occupy(mixed)
        return (following, history, terms.total), (following.orbitals, terms.total, fock)

    first = occupy(prepared.start + delta_fock)
    depth = min(max(iterations, 1), DEPTH)
    history = Diis.empty((2, *delta_fock.shape), delta_fock.shape, depth=depth)
    _, (orbitals, energies, focks) = jax.lax.scan(
        iterate, (first, history, jnp.asarray(jnp.inf)), None, length=iterations
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

"""The pipeline: guess → first Fock build → network → refining iterations → energy.

D0 → F0 = F[D0], screened → network gives ΔF → D1 from their sum → K refining iterations → energy.
In each of these the network may also say how F responds to the change. With K refining iterations a
prediction costs K + 1 Fock builds, the first one included.

Source: Mathiasen et al., arXiv 2402.04030, section 3; screening is not in the paper.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from qptlab.dft.density import Filled, fill
from qptlab.dft.diis import commutator
from qptlab.dft.energy import Energy, energy
from qptlab.dft.integrals import Integrals
from qptlab.dft.iterations import Densities, iterate, iterate_and_build
from qptlab.dft.schemes import Diis, Scheme, Screened, State, build, named_scheme
from qptlab.qpt.networks.base import Network
from qptlab.qpt.prepared import NetworkInputs, Prepared
from qptlab.qpt.xc_response import XcResponse
from qptlab.types import Matrix, Scalar

MOST_REFINING = 100


class Proposal(eqx.Module):
    """What a network says of a geometry.

    Attributes:
        delta_fock: ΔF, (ao, ao), hartree, to be added to the screened first Fock matrix.
        response: how exchange and correlation respond to a change of density; None where the
            network does not say, or no refining iteration would ask.
    """

    delta_fock: Matrix
    response: XcResponse | None = None


class Trajectory(eqx.Module):
    """What the refining iterations pass through, index 0 being the unrefined prediction.

    Attributes:
        energies: (refine + 1,), total energies in hartree, those that fewer iterations end with;
            (MOST_REFINING + 1,) with NaN at the end, where their number is an array.
        energy, dm, fock: of the density that the scheme ends with; `fock` is F[dm].
        commutator: largest element of FDS − SDF of that density, hartree.
    """

    energies: Float[Array, " density"]
    energy: Energy
    dm: Matrix
    fock: Matrix
    commutator: Scalar


def propose(network: Network, inputs: NetworkInputs, iterations: int = 1) -> Proposal:
    """Ask a network for ΔF, and for the response where there are refining iterations."""
    return Proposal(network(inputs), network.xc_response(inputs) if iterations else None)


def no_network(inputs: NetworkInputs) -> Proposal:
    """ΔF = 0: the pipeline without a network."""
    return Proposal(jnp.zeros_like(inputs.start))


def refine(
    proposal: Proposal,
    prepared: Prepared,
    iterations: int | Int[Array, ""],
    scheme: str | Scheme = "screened",
) -> Trajectory:
    """Run the pipeline from a proposal through refining iterations.

    Args:
        iterations: number of refining iterations, 0 or more. An array makes one program for all
            numbers of them up to `MOST_REFINING`, without a derivative in reverse.
        scheme: as `densities`.
    """
    most = iterations if isinstance(iterations, int) else MOST_REFINING
    start = _start(proposal, prepared, scheme)
    end, energies = iterate_and_build(*start, prepared.integrals, iterations, most)
    error = commutator(end.fock, end.dm, prepared.matrices.overlap)
    return Trajectory(
        energies=energies,
        energy=end.energy,
        dm=end.dm,
        fock=end.fock,
        commutator=jnp.max(jnp.abs(error)),
    )


def densities(
    proposal: Proposal, prepared: Prepared, iterations: int, scheme: str | Scheme = "screened"
) -> Densities:
    """The densities that refining passes through, those that it takes back included.

    Args:
        scheme: "screened" extrapolates by DIIS, and screens and responds to what it finds; "plain"
            repeats D → F[D] → D as the paper does, which diverges for most functionals. Or another
            name or record of `qptlab.dft.schemes`.

    Raises:
        InputError: an unknown scheme.
    """
    start = _start(proposal, prepared, scheme)
    return iterate(*start, prepared.integrals, iterations)


def _start(
    proposal: Proposal, prepared: Prepared, scheme: str | Scheme
) -> tuple[Filled, Scheme[State], State]:
    """The unrefined density, the scheme, and what it knows before the first iteration."""
    ints = prepared.integrals
    if scheme == "screened":
        scheme = Screened(proposal.response)
    scheme = named_scheme(scheme)
    first = fill(prepared.start + proposal.delta_fock, ints.overlap, ints.occupation)
    return first, scheme, scheme.init(ints)


def diis_energies(ints: Integrals, builds: int) -> Float[Array, " build"]:
    """Energies (hartree) of plain DIIS from the starting density after 1, 2, … `builds` builds.

    The baseline a network has to beat: the same number of Fock matrices and no network.
    """
    scheme = Diis()
    fock, state = scheme.step(build(ints.dm_guess, ints), scheme.init(ints), ints)
    first = fill(fock, ints.overlap, ints.occupation)
    path = iterate(first, scheme, state, ints, builds - 1)
    return jnp.append(path.energies, energy(Filled(path.orbitals[-1]), ints).total)

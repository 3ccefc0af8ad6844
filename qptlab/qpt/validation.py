"""How good a network is on geometries it never trains on, and where the baselines stand."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from qptlab.dft.integrals import integrals
from qptlab.dft.scf import scf
from qptlab.molecule import Molecule
from qptlab.qpt.pipeline import Network, diis_energies, refine
from qptlab.qpt.sample import Sample, sample
from qptlab.qpt.sampling import VALIDATION, Sampler
from qptlab.theory import Theory

ReferenceEnergy = Callable[[Molecule, Theory], float]

_predict = eqx.filter_jit(lambda network, geometry: network(geometry))
_refine = eqx.filter_jit(refine)
_diis = eqx.filter_jit(diis_energies)


@dataclass(frozen=True, eq=False)
class Validation:
    """Prepared validation geometries, their reference energies, and the baselines' errors.

    Attributes:
        reference: (geometry,), converged energies in hartree.
        baselines_ha: mean absolute energy errors of the same pipeline without a network ("plain")
            and of DIIS from the starting guess ("diis"), by refining iterations: at each, all
            have spent the same number of Fock builds.
    """

    samples: list[Sample]
    reference: np.ndarray
    baselines_ha: dict[str, dict[int, float]]

    def errors(self, network: Network, iterations: int) -> dict[int, float]:
        """{refining iterations: mean absolute energy error in hartree} of a network."""
        # compiled apart from the network: the plain baseline runs the same code
        energies = [_refine(_predict(network, s), s, iterations).energies for s in self.samples]
        return _mean_errors(energies, self.reference)


def converged_energy(molecule: Molecule, theory: Theory) -> float:
    """Energy of our own converged SCF, hartree; it agrees with PySCF to 1e-8.

    Raises:
        ValueError: the SCF does not converge.
    """
    result = scf(molecule, theory)
    if not result.converged:
        raise ValueError(f"no reference energy: {result.message}")
    return float(result.energy.total)


def build_validation(
    sampler: Sampler,
    theory: Theory,
    *,
    count: int,
    iterations: int,
    seed: int,
    reference: ReferenceEnergy = converged_energy,
) -> Validation:
    """Prepare `count` geometries of the sampler's validation split and their references."""
    samples, energies = [], []
    for index in range(count):
        geometry = sampler(VALIDATION, seed, index)
        samples.append(sample(integrals(geometry, theory)))
        energies.append(reference(geometry, theory))
    truth = np.array(energies)
    rows = [baseline_energies(s, iterations) for s in samples]
    baselines = {name: _mean_errors([row[name] for row in rows], truth) for name in rows[0]}
    return Validation(samples, truth, baselines)


def baseline_energies(geometry: Sample, iterations: int) -> dict[str, np.ndarray]:
    """Energies (refine + 1,) in hartree of "plain" (no network) and "diis" at equal builds."""
    zero = jnp.zeros_like(geometry.fock)
    return {
        "plain": np.asarray(_refine(zero, geometry, iterations).energies),
        "diis": np.asarray(_diis(geometry.integrals, iterations + 1)),
    }


def _mean_errors(energies: list, reference: np.ndarray) -> dict[int, float]:
    errors = np.abs(np.stack([np.asarray(row) for row in energies]) - reference[:, None])
    return dict(enumerate(errors.mean(axis=0).tolist()))

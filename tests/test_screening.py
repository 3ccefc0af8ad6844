"""Screening: a fixed point of the Coulomb response, its derivative, and what it is worth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from tiers import later

from qptlab.dft import density_from_fock, fock_matrix, integrals
from qptlab.dft.screening import screened
from qptlab.library import molecule
from qptlab.qpt.pipeline import diis_energies, no_network, refine
from qptlab.qpt.prepared import first_build
from qptlab.reference import pyscf_energy
from qptlab.theory import Theory, parse_theory


def pyscf_repulsion(ints, dm):
    """J[D] from the fitted integrals, by NumPy."""
    rows, columns = np.tril_indices(len(dm))
    cderi = np.asarray(ints.coulomb.cderi)
    unpacked = np.zeros((len(cderi), *dm.shape))
    unpacked[:, rows, columns] = unpacked[:, columns, rows] = cderi
    return np.einsum("pij,pkl,kl->ij", unpacked, unpacked, np.asarray(dm))


@pytest.mark.parametrize("name", [later("water"), "ammonia", later("carbon-monoxide")])
def test_the_screened_matrix_belongs_to_the_density_that_it_fills(name):
    ints = integrals(distorted(name), parse_theory("b3lyp5/6-31g*"))
    first = fock_matrix(ints.dm_guess, ints)
    fock = screened(first, ints.dm_guess, ints)
    dm = density_from_fock(fock, ints.overlap, ints.occupation)
    expected = first + pyscf_repulsion(ints, dm - ints.dm_guess)
    np.testing.assert_allclose(fock, expected, atol=1e-8)
    assert np.abs(fock - first).max() > 0.01


def test_a_converged_density_has_nothing_to_screen():
    from qptlab.dft import scf

    result = scf(distorted("water"), "pbe/6-31g*", conv_tol=1e-10)
    ints = integrals(result.molecule, result.theory)
    fock = screened(jnp.asarray(result.fock), jnp.asarray(result.dm), ints)
    np.testing.assert_allclose(fock, result.fock, atol=1e-6)


@pytest.mark.parametrize("coulomb", ["df", "exact"])
@pytest.mark.parametrize("name", ["water", later("nitrogen")])  # degenerate π orbitals
def test_the_derivative_is_the_finite_difference(name, coulomb):
    ints = integrals(molecule(name), Theory("pbe", "sto-3g", coulomb=coulomb))
    first = fock_matrix(ints.dm_guess, ints)
    noise = np.random.default_rng(1).normal(size=(2, *first.shape))
    way, weight = noise + noise.transpose(0, 2, 1)

    def value(step):
        return jnp.sum(weight * screened(first + step * way, ints.dm_guess, ints))

    h = 1e-3
    near, far = (value(t) - value(-t) for t in (h, 2 * h))
    assert float(jax.grad(value)(0.0)) == pytest.approx(float(8 * near - far) / (12 * h), rel=1e-6)


@pytest.mark.parametrize("level", ["pbe/6-31g*", later("b3lyp5/6-31g*"), later("hf/6-31g*")])
@pytest.mark.parametrize("name", ["water", later("formaldehyde"), later("carbon-monoxide")])
def test_refining_without_a_network_beats_diis_at_equal_builds(name, level):
    case = distorted(name)
    prepared = first_build(integrals(case, parse_theory(level)))
    exact = pyscf_energy(case, parse_theory(level))
    ours = np.abs(refine(no_network(prepared), prepared, 3).energies - exact)
    theirs = np.abs(diis_energies(prepared.integrals, 4) - exact)
    assert (ours[:3] < theirs[:3]).all()

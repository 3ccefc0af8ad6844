"""density_from_fock and its derivative, where the gradient of eigh fails and where it does not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from qptlab.dft import density_from_fock, integrals, orbitals
from qptlab.library import molecule
from qptlab.theory import parse_theory

CLOSED = jnp.ones(3)  # three doubly filled orbitals
LEVELS = {
    "spread": [-5.0, -2.0, -1.0, 0.5, 1.5, 2.0],
    "degenerate occupied": [-2.0, -1.0, -1.0, 0.5, 1.5, 2.0],
    "degenerate virtual": [-5.0, -2.0, -1.0, 0.5, 0.5, 0.5],
    "all of each equal": [-1.0, -1.0, -1.0, 0.5, 0.5, 0.5],
    "small gap": [-5.0, -2.0, 0.0, 1e-3, 1.5, 2.0],
}


def random_symmetric(seed: int, n: int = 6) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(n, n))
    return 0.5 * (matrix + matrix.T)


def case(levels, rotated: bool):
    """A Fock matrix with the given levels in a non-orthogonal basis, and the overlap."""
    half = np.linalg.cholesky(np.eye(6) + 0.1 * random_symmetric(1) @ random_symmetric(1))
    skew = np.triu(np.random.default_rng(2).normal(size=(6, 6)), 1)
    turn = expm(skew - skew.T) if rotated else np.eye(6)
    overlap = half @ half.T if rotated else np.eye(6)
    half = half if rotated else np.eye(6)
    return jnp.asarray(half @ turn @ np.diag(levels) @ turn.T @ half.T), jnp.asarray(overlap)


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("name", LEVELS)
def test_derivative_is_the_finite_difference(name, rotated):
    fock, overlap = case(LEVELS[name], rotated)
    d_fock, d_overlap, weight = random_symmetric(3), 0.1 * random_symmetric(4), random_symmetric(5)

    def value(t, by_fock, by_overlap):
        dm = density_from_fock(
            fock + by_fock * t * d_fock, overlap + by_overlap * t * d_overlap, CLOSED
        )
        return jnp.sum(weight * dm)

    step = 1e-6 if name == "small gap" else 1e-4
    for by_fock, by_overlap in ((1, 0), (0, 1), (1, 1)):
        f = lambda t: value(t, by_fock, by_overlap)  # noqa: B023, E731
        difference = (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)
        for derivative in (jax.grad(f)(0.0), jax.jacfwd(f)(0.0)):
            np.testing.assert_allclose(derivative, difference, rtol=1e-5, atol=1e-7)


def test_a_closed_gap_gives_zero_and_never_nan():
    fock, overlap = case([-1.0, 0.0, 0.0, 0.0, 1.0, 2.0], True)
    gradient = jax.grad(lambda f: density_from_fock(f, overlap, CLOSED)[0, 1])(fock)
    assert np.isfinite(gradient).all()


def test_it_is_a_projector_of_the_right_size():
    ints = integrals(molecule("benzene"), parse_theory("lda/sto-3g"))
    dm = density_from_fock(ints.h_core, ints.overlap, ints.occupation)
    assert abs(jnp.sum(dm * ints.overlap) - 42) < 1e-10
    np.testing.assert_allclose(dm @ ints.overlap @ dm, 2 * dm, atol=1e-10)


def test_orbitals_solve_the_roothaan_equation():
    ints = integrals(molecule("water"), parse_theory("lda/6-31g*"))
    mo_energy, mo_coeff = orbitals(ints.h_core, ints.overlap)
    left = ints.h_core @ mo_coeff
    np.testing.assert_allclose(left, ints.overlap @ mo_coeff * mo_energy, atol=1e-10)
    np.testing.assert_allclose(mo_coeff.T @ ints.overlap @ mo_coeff, np.eye(ints.n_ao), atol=1e-10)

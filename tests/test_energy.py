"""The Fock matrix is the gradient of the energy, and the energy knows no direction in space."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from scipy.spatial.transform import Rotation

from qptlab.dft import energy, fock_matrix, integrals, scf
from qptlab.dft.integrals import Grid, molecular_grid
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory

LEVELS = [("pbe", "df"), ("b3lyp5", "df"), ("lda", "exact"), ("b3lyp5", "exact")]


@pytest.mark.parametrize("xc, coulomb", LEVELS)
def test_fock_is_the_finite_difference_of_the_energy(xc, coulomb):
    case = distorted("ammonia")
    ints = integrals(case, Theory(xc, "6-31g*", coulomb=coulomb))
    dm = ints.dm_guess
    change = np.random.default_rng(0).normal(size=dm.shape)
    change = jnp.asarray(0.5 * (change + change.T))
    total = jax.jit(lambda t: energy(dm + t * change, ints).total)
    h = 1e-4
    difference = (8 * (total(h) - total(-h)) - (total(2 * h) - total(-2 * h))) / (12 * h)
    np.testing.assert_allclose(jnp.sum(fock_matrix(dm, ints) * change), difference, atol=1e-6)


def turned_with_grid(case: Molecule, level: Theory):
    """The case and a turned copy, on grids that turn with it."""
    turn = Rotation.random(rng=np.random.default_rng(4)).as_matrix()
    grid = molecular_grid(case, level)
    turned = case.with_positions(case.positions @ turn.T + 1.0)
    return (
        integrals(case, level, grid),
        integrals(turned, level, Grid(grid.points @ turn.T + 1.0, grid.weights)),
    )


@pytest.mark.parametrize("xc, coulomb", LEVELS)
def test_turning_and_moving_changes_nothing(xc, coulomb):
    here, there = turned_with_grid(distorted("water"), Theory(xc, "def2-svp", coulomb=coulomb))
    a, b = energy(here.dm_guess, here), energy(there.dm_guess, there)
    for term in ("core", "coulomb", "exchange", "xc", "nuclear"):
        assert abs(getattr(a, term) - getattr(b, term)) < 1e-9, term


def test_the_order_of_atoms_changes_nothing():
    case = distorted("ethanol")
    order = np.random.default_rng(5).permutation(len(case.symbols))
    shuffled = Molecule(tuple(case.symbols[i] for i in order), case.positions[order])
    a, b = scf(case, "pbe/sto-3g"), scf(shuffled, "pbe/sto-3g")
    assert abs(float(a.energy.total - b.energy.total)) < 1e-9


@pytest.mark.parametrize("n_bytes", [2**17, 2**28])
def test_blocks_of_the_size_for_gpus_change_nothing(monkeypatch, n_bytes):
    case, level = distorted("water"), parse_theory("b3lyp5/def2-svp")
    here = integrals(case, level)
    with monkeypatch.context() as on_gpu:
        on_gpu.setattr(jax, "default_backend", lambda: "gpu")
        on_gpu.setattr(sys.modules[integrals.__module__], "GPU_BYTES", n_bytes)
        there = integrals(case, level)
    shapes = there.grid_ao.shape, there.exchange[0].cderi.shape
    assert [shape[0] == 1 for shape in shapes] == [n_bytes == 2**28] * 2
    a, b = energy(here.dm_guess, here), energy(there.dm_guess, there)
    for term in ("coulomb", "exchange", "xc"):
        assert abs(getattr(a, term) - getattr(b, term)) < 1e-11, term


def test_scf_says_when_it_gives_up():
    result = scf(molecule("water"), "pbe/sto-3g", max_builds=2)
    assert not result.converged
    assert "not converged after 2 Fock builds" in repr(result)


def test_scf_converges_from_a_bad_start():
    start = np.zeros((7, 7))
    good, bad = (
        scf(molecule("water"), "pbe/sto-3g"),
        scf(molecule("water"), "pbe/sto-3g", dm0=start),
    )
    assert bad.converged and abs(float(good.energy.total - bad.energy.total)) < 1e-9


def test_a_start_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"dm0 of shape \(3, 3\); expected \(7, 7\)"):
        scf(molecule("water"), "pbe/sto-3g", dm0=np.eye(3))


def test_twice_the_same_molecule_is_bit_for_bit_the_same():
    level = parse_theory("pbe/sto-3g")
    first, second = (integrals(molecule("water"), level) for _ in range(2))
    assert all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(second)))

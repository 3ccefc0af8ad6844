"""Batches give the numbers of one molecule at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted, linear
from tiers import later, slow

from qptlab.dft import energy_and_fock, fill, integrals, scf, scf_batch, stack
from qptlab.dft.energy import energy
from qptlab.library import molecule
from qptlab.theory import Theory, parse_theory

DIFFERENT = [distorted("formaldehyde"), molecule("water"), distorted("ammonia")]


def check_each(cases, level) -> None:
    """Energy, Fock matrix and dE/dF of stacked molecules are those of each alone."""

    def loss(fock, ints):
        return energy(fill(fock, ints.overlap, ints.occupation), ints).total

    def all_of_it(ints):
        terms, fock = energy_and_fock(ints.dm_guess, ints)
        return terms.total, fock, jax.value_and_grad(loss)(fock, ints)

    batch = stack(cases, level)
    together = eqx.filter_jit(jax.vmap(all_of_it))(batch)
    for i, case in enumerate(cases):
        alone = jax.tree.leaves(eqx.filter_jit(all_of_it)(integrals(case, level)))
        for one, many in zip(alone, jax.tree.leaves(together), strict=True):
            mine = many[(i, *map(slice, one.shape))]
            np.testing.assert_allclose(mine, one, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "level",
    [later(Theory("b3lyp5", "6-31g*")), later(Theory("cam-b3lyp", "sto-3g", coulomb="exact"))],
    ids=str,
)
def test_different_molecules(level):
    check_each(DIFFERENT, level)


@slow
def test_open_shells_of_different_spin():
    cases = [molecule("water", charge=1, spin=1), linear("O", "O", distance=2.3, spin=2)]
    check_each(cases, parse_theory("pbe/6-31g"))


@slow
def test_geometries_of_one_molecule():
    check_each([distorted("water", seed) for seed in range(3)], parse_theory("pbe/def2-svp"))


def test_a_batched_scf_is_each_molecules_own():
    for result in scf_batch(DIFFERENT, "pbe/6-31g*"):
        alone = scf(result.molecule, result.theory)
        assert result.converged and result.fock_builds == alone.fock_builds
        assert abs(float(result.energy.total - alone.energy.total)) < 1e-10
        np.testing.assert_allclose(result.fock, alone.fock, atol=1e-10)
        np.testing.assert_allclose(result.mo_energy, alone.mo_energy, atol=1e-10)


def test_a_batched_scf_says_which_molecule_did_not_converge():
    easy, hard = scf_batch([molecule("hydrogen"), molecule("water")], "pbe/sto-3g", max_builds=6)
    assert easy.converged and not hard.converged
    assert "not converged after 6 Fock builds" in repr(hard)


def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ValueError, match="closed or open shells only"):
        scf_batch([molecule("water"), molecule("water", charge=1, spin=1)], "pbe/sto-3g")
    with pytest.raises(ValueError, match="at least one"):
        scf_batch([], "pbe/sto-3g")


def test_filling_up_changes_no_overlap_that_was_there():
    level = parse_theory("pbe/sto-3g")
    pair = [molecule("water"), molecule("HF")]
    overlap, small = stack(pair, level).overlap[1], integrals(pair[1], level)
    np.testing.assert_array_equal(overlap[: small.n_ao, : small.n_ao], small.overlap)
    assert jnp.linalg.eigvalsh(overlap).min() > 0.1

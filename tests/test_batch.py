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


def check_each(members) -> None:
    """Energy, Fock matrix and dE/dF of stacked members are those of each alone."""

    def loss(fock, ints):
        return energy(fill(fock, ints.overlap, ints.occupation), ints).total

    def all_of_it(ints):
        terms, fock = energy_and_fock(ints.dm_guess, ints)
        return terms.total, fock, jax.value_and_grad(loss)(fock, ints)

    together = eqx.filter_jit(jax.vmap(all_of_it))(stack(members))
    for i, member in enumerate(members):
        alone = jax.tree.leaves(eqx.filter_jit(all_of_it)(member))
        for one, many in zip(alone, jax.tree.leaves(together), strict=True):
            mine = many[(i, *map(slice, one.shape))]
            np.testing.assert_allclose(mine, one, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "level",
    [later(Theory("b3lyp5", "6-31g*")), later(Theory("cam-b3lyp", "sto-3g", coulomb="exact"))],
    ids=str,
)
def test_different_molecules(level):
    check_each([integrals(case, level) for case in DIFFERENT])


@slow
def test_open_shells_of_different_spin():
    cases = [molecule("water", charge=1, spin=1), linear("O", "O", distance=2.3, spin=2)]
    check_each([integrals(case, parse_theory("pbe/6-31g")) for case in cases])


@slow
def test_geometries_of_one_molecule():
    level = parse_theory("pbe/def2-svp")
    members = [integrals(distorted("water", seed), level) for seed in range(3)]
    assert stack(members).shells == members[0].shells
    check_each(members)


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
    members = [integrals(molecule("water"), parse_theory(xc + "/sto-3g")) for xc in ("pbe", "lda")]
    with pytest.raises(ValueError, match="one functional"):
        stack(members)
    with pytest.raises(ValueError, match="closed or open shells only"):
        scf_batch([molecule("water"), molecule("water", charge=1, spin=1)], "pbe/sto-3g")
    with pytest.raises(ValueError, match="at least one"):
        stack([])


def test_filling_up_changes_no_overlap_that_was_there():
    big, small = (integrals(molecule(name), parse_theory("pbe/sto-3g")) for name in ("water", "HF"))
    overlap = stack([big, small]).overlap[1]
    np.testing.assert_array_equal(overlap[: small.n_ao, : small.n_ao], small.overlap)
    assert jnp.linalg.eigvalsh(overlap).min() > 0.1

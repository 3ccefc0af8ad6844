"""The pipeline and the network: what it must not change, how it turns, and its gradient."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jax.flatten_util import ravel_pytree
from scipy.spatial.transform import Rotation
from tiers import later, slow

from qptlab.dft import ao_values, density_from_fock, energy, fock_matrix, integrals
from qptlab.dft.integrals import Grid, molecular_grid
from qptlab.dft.screening import screened
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.losses import loss, parse_loss
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.pipeline import Proposal, diis_energies, propose, refine
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import MATRICES, Prepared, first_build
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory

LEVEL = parse_theory("pbe/6-31g*")
TURN = Rotation.from_euler("xyz", [0.7, -1.1, 2.3]).as_matrix()


@pytest.fixture(scope="module")
def water():
    return first_build(integrals(distorted("water"), LEVEL))


def energy_loss(network, geometry):
    chosen = parse_loss("energy")
    return loss(network, geometry, chosen.terms, chosen.weights(0.0))[0]


def shaken(model: BlockQPT, seed: int = 3, size: float = 0.003) -> BlockQPT:
    """The network with noise on every weight, so that its head is no longer zero."""
    weights, rest = eqx.partition(model, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(weights)
    noise = size * jax.random.normal(jax.random.key(seed), flat.shape, flat.dtype)
    return eqx.combine(unravel(flat + noise), rest)


def untrained() -> BlockQPT:
    return BlockQPT.create(molecule("water"), LEVEL)


def plain_scf(fock, ints, iterations: int) -> float:
    """Energy of D(F) after `iterations` Fock builds more, nothing mixed."""
    dm = density_from_fock(fock, ints.overlap, ints.occupation)
    for _ in range(iterations):
        dm = density_from_fock(fock_matrix(dm, ints), ints.overlap, ints.occupation)
    return float(energy(dm, ints).total)


def test_an_untrained_network_is_plain_scf_from_the_screened_matrix(water):
    delta_fock = untrained()(water)
    assert np.array_equal(delta_fock, np.zeros_like(delta_fock))
    end = refine(Proposal(delta_fock), water, 3, scheme="plain")
    for k in range(4):
        expected = plain_scf(water.start, water.integrals, k)
        assert abs(float(end.energies[k]) - expected) < 1e-10
    assert float(energy_loss(untrained(), water)) == pytest.approx(0, abs=1e-11)


@pytest.mark.parametrize("iterations", [later(1), 3])
def test_without_screening_the_pipeline_is_pyscfs_iteration_without_diis(iterations):
    case = distorted("water")
    mf = pyscf_mean_field(case, LEVEL)
    mf.diis, mf.max_cycle, mf.conv_check = None, iterations + 1, False
    mf.kernel()
    prepared = first_build(integrals(case, LEVEL))
    end = refine(Proposal(prepared.fock - prepared.start), prepared, iterations, scheme="plain")
    assert abs(float(end.energies[-1]) - mf.e_tot) < 1e-8


def rotation_of_orbitals(case: Molecule, turned: Molecule, turn: np.ndarray) -> np.ndarray:
    """The orthogonal matrix that turns the atomic orbitals, from functions on turned points."""
    points = np.random.default_rng(0).normal(scale=2, size=(400, 3))
    here = ao_values(case, LEVEL, points)
    there = ao_values(turned, LEVEL, points @ turn.T)
    # χ_turned(Rr) = χ(r) U, solved for U
    return np.linalg.lstsq(there, here, rcond=None)[0]


def turned_with_its_grid(case: Molecule) -> tuple[Prepared, Prepared, np.ndarray]:
    """The molecule, the same turned, and the orthogonal matrix between their orbitals."""
    turned = case.with_positions(case.positions @ TURN.T)
    grid = molecular_grid(case, LEVEL)
    here = first_build(integrals(case, LEVEL, grid))
    there = first_build(integrals(turned, LEVEL, Grid(grid.points @ TURN.T, grid.weights)))
    return here, there, rotation_of_orbitals(case, turned, TURN)


def test_the_prediction_turns_with_the_molecule():
    network = shaken(untrained())
    here, there, u = turned_with_its_grid(distorted("water"))
    np.testing.assert_allclose(u @ u.T, np.eye(len(u)), atol=1e-9)

    delta, delta_turned = network(here), network(there)
    assert np.abs(delta).max() > 0.01
    np.testing.assert_allclose(delta_turned, u @ delta @ u.T, atol=2e-6)
    loss, loss_turned = energy_loss(network, here), energy_loss(network, there)
    assert abs(loss) > 1e-3
    assert abs(loss - loss_turned) < 1e-7


def test_the_order_of_atoms_changes_nothing():
    case, network = distorted("water"), shaken(untrained())
    order = [2, 0, 1]
    shuffled = Molecule(tuple(case.symbols[i] for i in order), case.positions[order])
    losses = [energy_loss(network, first_build(integrals(m, LEVEL))) for m in (case, shuffled)]
    assert abs(losses[0] - losses[1]) < 1e-7


def test_the_gradient_of_the_loss_is_the_finite_difference(water):
    network = shaken(untrained())
    # in float64: the check needs more digits than the network carries
    network = jax.tree.map(
        lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, network
    )
    weights, rest = eqx.partition(network, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(weights)
    loss = jax.jit(lambda w: energy_loss(eqx.combine(unravel(w), rest), water))
    gradient = jax.grad(loss)(flat)
    for seed in range(3):
        along = np.random.default_rng(seed).normal(size=flat.shape)
        along = jnp.asarray(along / np.linalg.norm(along))
        h = 1e-3
        near, far = (loss(flat + t * along) - loss(flat - t * along) for t in (h, 2 * h))
        difference = (8 * near - far) / (12 * h)
        # the invariants enter as float32: their rounding is the floor
        np.testing.assert_allclose(gradient @ along, difference, rtol=1e-3, atol=1e-6)


@slow
def test_energy_backpropagates_through_refining(water):
    overlap, h_core = water.matrices.overlap, water.matrices.h_core

    def f(t):
        # h moves the energy to first order: S alone only shifts all levels
        proposal = Proposal((0.02 + t) * h_core + 0.1 * t * overlap)
        return refine(proposal, water, 3).energies[-1]

    h = 1e-3
    difference = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
    np.testing.assert_allclose(jax.grad(f)(0.0), difference, rtol=1e-4, atol=1e-8)


def test_diis_baseline_is_the_scf(water):
    energies = diis_energies(water.integrals, 12)
    mf = pyscf_mean_field(distorted("water"), LEVEL)
    assert abs(float(energies[-1]) - mf.kernel()) < 1e-7


def test_building_blocks_are_symmetric_and_named(water):
    matrices = water.matrices.stacked
    assert matrices.shape[0] == len(MATRICES)
    np.testing.assert_allclose(matrices, matrices.transpose(0, 2, 1), atol=1e-10)


def test_the_predicted_density_holds_all_electrons(water):
    dm = refine(propose(shaken(untrained()), water), water, iterations=0).dm
    assert abs(jnp.sum(dm * water.integrals.overlap) - 10) < 1e-9


@pytest.mark.parametrize(
    "spec, name",
    [
        later("pbe/cc-pvtz", "water"),
        later("b3lyp5/sto-3g", "benzene"),
        ("lda/def2-svp", "hydrogen"),
    ],
)
def test_other_molecules_bases_and_functionals_run(spec, name):
    case = distorted(name)
    network = shaken(BlockQPT.create(case, spec))
    result = predict(network, case, refine=2)
    assert result.fock_builds == 3
    assert np.isfinite(result.mo_energy).all()


def test_prediction_carries_what_a_viewer_needs():
    case = distorted("water")
    result = predict(untrained(), case, refine=1)
    ints = integrals(case, LEVEL)
    np.testing.assert_allclose(result.fock, fock_matrix(jnp.asarray(result.dm), ints), atol=1e-10)
    raw = screened(fock_matrix(ints.dm_guess, ints), ints.dm_guess, ints)
    np.testing.assert_allclose(result.raw_fock, raw, atol=1e-10)
    assert "predicted with 2 Fock builds" in repr(result)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="made for H, O; H3N also has N"):
        predict(untrained(), molecule("ammonia"))
    with pytest.raises(ValueError, match="refine -1; expected a whole number from 0 to 100"):
        predict(untrained(), molecule("water"), refine=-1)
    with pytest.raises(ValueError, match="unknown scheme"):
        refine(
            Proposal(jnp.zeros((1, 1))),
            first_build(integrals(molecule("water"), parse_theory("lda/sto-3g"))),
            1,
            "x",
        )

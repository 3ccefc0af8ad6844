"""How a network responds to changes of density: what that keeps, and what it is trained by."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jax.flatten_util import ravel_pytree
from test_qpt import LEVEL, shaken, turned_with_its_grid, untrained
from test_training import new_run
from tiers import slow

from qptlab.cli import main
from qptlab.dft import integrals, scf
from qptlab.dft.compiling import jit
from qptlab.dft.screening import repulsion
from qptlab.library import molecule
from qptlab.qpt.losses import Term, loss, parse_loss
from qptlab.qpt.networks import block, response_net
from qptlab.qpt.pipeline import Proposal, no_network, refine
from qptlab.qpt.prepared import first_build
from qptlab.qpt.runs.models import load, save_model


@pytest.fixture(scope="module")
def water():
    return first_build(integrals(distorted("water"), LEVEL))


def responding():
    return untrained().with_response_net()


def respond(network, geometry, change):
    """What a network makes of a change of the starting density."""
    response, ints = network.xc_response(geometry), geometry.integrals
    return response(geometry.matrices.dm, change, repulsion(change, ints), ints)


@jit
def energies(network, geometry):
    response = network.xc_response(geometry)
    return refine(Proposal(network(geometry), response), geometry, 3).energies


def test_an_untrained_network_leaves_the_response_to_the_next_build(water):
    network = responding()
    assert np.all(network.xc_response(water).factors == 0)
    without = jit(refine)(Proposal(network(water)), water, 3).energies
    np.testing.assert_allclose(energies(network, water), without, atol=1e-11)


def test_the_response_is_symmetric_and_linear_in_the_change(water):
    network, (one, other) = shaken(responding()), (water.matrices.overlap, water.matrices.dm_change)
    both = respond(network, water, 2 * one - other)
    parts = 2 * respond(network, water, one) - respond(network, water, other)
    assert np.abs(both).max() > 1e-3
    np.testing.assert_allclose(both, parts, atol=1e-10)
    np.testing.assert_allclose(both, both.T, atol=1e-6)


def test_the_response_turns_with_the_molecule():
    network = shaken(responding())
    here, there, u = turned_with_its_grid(distorted("water"))
    change = here.matrices.dm_change
    ours, theirs = respond(network, here, change), respond(network, there, u @ change @ u.T)
    np.testing.assert_allclose(theirs, u @ ours @ u.T, atol=1e-6)
    np.testing.assert_allclose(energies(network, there), energies(network, here), atol=1e-7)


def test_a_wrong_response_delays_self_consistency_and_does_not_move_it(water):
    """At convergence nothing changes, and what is linear in a change responds to nothing."""
    wrong = shaken(responding()).xc_response(water).scaled(jnp.asarray(100.0))
    nothing = jnp.zeros_like(water.start)
    best = float(scf(distorted("water"), LEVEL, conv_tol=1e-10).energy.total)
    errors = np.asarray(jit(refine)(Proposal(nothing, wrong), water, 14).energies) - best
    without = np.asarray(energies(responding(), water)) - best
    assert errors[1] > 2 * without[1] and errors[3] > 2 * without[3]
    assert abs(errors[-1]) < 1e-8


@slow
def test_the_loss_moves_the_response_only_and_by_its_own_slope(monkeypatch):
    for module in (block, response_net):
        monkeypatch.setattr(module, "SINGLE", jnp.float64)
    network = shaken(block.BlockQPT.create(molecule("water"), LEVEL).with_response_net())
    geometry, chosen = first_build(integrals(distorted("water"), LEVEL)), parse_loss("response")

    def value(network):
        return loss(network, geometry, chosen.terms, chosen.weights(0.0))[0]

    slope = eqx.filter_jit(eqx.filter_grad(value))(network)
    others = eqx.tree_at(lambda tree: tree.response, slope, None)
    assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(others))
    flat, unravel = ravel_pytree(eqx.filter(network.response, eqx.is_array))
    way = np.random.default_rng(0).normal(size=flat.shape)
    way = jnp.asarray(way / np.linalg.norm(way))
    rest = eqx.filter(network.response, eqx.is_array, inverse=True)

    @jax.jit
    def along(t):
        moved = eqx.combine(unravel(flat + t * way), rest)
        return value(eqx.tree_at(lambda net: net.response, network, moved))

    h = 1e-3
    near, far = (float(along(t) - along(-t)) for t in (h, 2 * h))
    difference = (8 * near - far) / (12 * h)
    assert abs(difference) > 1e-4
    exact = ravel_pytree(eqx.filter(slope.response, eqx.is_array))[0] @ way
    assert float(exact) == pytest.approx(difference, rel=1e-4)


@slow
def test_training_the_response_makes_refining_better_and_leaves_the_rest():
    run = new_run(loss="response", steps=150, n_validation=3)
    before = run.model  # with weights for a response, which the network given did not have
    *_, last = run
    old, new = (eqx.tree_at(lambda net: net.response, m, None) for m in (before, run.model))
    pairs = zip(*(jax.tree.leaves(eqx.filter(m, eqx.is_array)) for m in (old, new)), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    plain = run.baselines_ha["plain"]
    assert last.val_error_ha[0] == pytest.approx(plain[0])
    assert last.val_error_ha[1] < 0.3 * plain[1]
    # after three iterations both errors are rounding, some 1e-13; after two, plain's is 4e-9
    assert last.val_error_ha[2] < 0.1 * plain[2]
    assert -1 < last.loss < -0.3


def test_it_is_written_like_other_losses():
    assert parse_loss("response").terms == (Term("response", 1),)
    assert parse_loss("energy + 0.1*response@2").terms == (Term("energy", 0), Term("response", 2))


def test_a_network_without_a_response_refines_as_before(water):
    assert untrained().xc_response(water) is None
    plain = jit(refine)(no_network(water), water, 3).energies
    np.testing.assert_allclose(energies(untrained(), water), plain, atol=1e-11)


def test_weights_for_a_response_are_added_once_and_kept(tmp_path):
    network = shaken(untrained())
    more = network.with_response_net()
    assert more.with_response_net() is more
    assert np.array_equal(more.head.layers[-1].weight, network.head.layers[-1].weight)
    assert more.n_parameters > network.n_parameters
    save_model(more, tmp_path / "more.safetensors", {})
    read = load(tmp_path / "more.safetensors")
    assert np.array_equal(read.response.head.layers[0].weight, more.response.head.layers[0].weight)


def test_a_network_without_a_response_says_so(capsys, tmp_path):
    argv = ["train", "water", "--theory", "lda/sto-3g", "--model", "paper", "--size", "tiny"]
    assert main([*argv, "--loss", "response", "--steps", "1", "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.endswith("PaperQPT has no response to train\n")

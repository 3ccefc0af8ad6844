"""The paper's network: what it starts from, what each of its flaws does, and that it learns."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jax.flatten_util import ravel_pytree
from test_derivatives import along_a_line
from test_qpt import TURN, energy_loss, rotation_of_orbitals, shaken
from tiers import slow

from qptlab.dft.integrals import Grid, integrals, molecular_grid
from qptlab.library import molecule
from qptlab.qpt.networks import paper
from qptlab.qpt.networks.paper import FLAWS, SIZES, PaperQPT
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import first_build
from qptlab.qpt.runs.models import load
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.theory import parse_theory

SPEC = "pbe/sto-3g"
BIG = parse_theory("pbe/6-31g*")


@pytest.fixture(scope="module")
def water():
    return first_build(integrals(distorted("water"), parse_theory(SPEC)))


def untrained(*flaws: str, level=SPEC) -> PaperQPT:
    return PaperQPT.create(molecule("water"), level, flaws=flaws)


def weights(network: PaperQPT) -> list:
    return jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array))


def test_an_untrained_network_is_plain_scf(water):
    np.testing.assert_allclose(water.start + untrained()(water), water.fock, atol=1e-12)
    delta = untrained().correction(water)
    assert delta.dtype == np.float64
    assert np.array_equal(delta, np.zeros_like(water.fock))
    # with k at zero, a gradient must still reach it
    gradient = eqx.filter_jit(eqx.filter_grad(energy_loss))(untrained(), water)
    assert all(np.isfinite(leaf).all() for leaf in weights(gradient))
    assert np.abs(gradient.key.weight).max() > 1e-5


@pytest.mark.parametrize("flaws", [(), FLAWS])
def test_the_prediction_is_symmetric(water, flaws):
    delta = shaken(untrained(*flaws)).correction(water)
    assert np.abs(delta).max() > 0.01
    np.testing.assert_allclose(delta, delta.T, atol=1e-6)


def test_attention_adds_up_over_keys_or_with_the_flaw_over_queries(water):
    for flaws, axis in (((), 2), (("softmax-over-queries",), 1)):
        network = untrained(*flaws)
        _, matrices = network.embed(water)
        layer = jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, network.layers)
        query, key = jax.random.normal(jax.random.key(1), (2, water.fock.shape[0], 6, 32))
        attention = layer.attention(query, key, matrices)
        np.testing.assert_allclose(attention.sum(axis=axis), 1, atol=1e-5)
        assert np.abs(attention.sum(axis=3 - axis) - 1).max() > 0.1


def test_the_semidefinite_head_has_no_negative_eigenvalue_and_starts_far_off(water):
    flawed = np.linalg.eigvalsh(untrained("semidefinite-head").correction(water))
    assert flawed.min() > -1e-5 and flawed.max() > 1
    assert energy_loss(untrained("semidefinite-head"), water) > 1
    assert np.linalg.eigvalsh(shaken(untrained()).correction(water)).min() < -0.01


def test_dropped_biases_leave_matrices_unseen(water):
    def change(network, place):
        other = eqx.tree_at(place, water, replace_fn=lambda x: x + 0.3 * jnp.eye(len(x)))
        return float(np.abs(network.correction(other) - network.correction(water)).max())

    places = {
        "h": lambda s: s.matrices.h_core,
        "D0": lambda s: s.matrices.dm,
        "F0": lambda s: s.fock,
    }
    whole, flawed = shaken(untrained()), shaken(untrained("dropped-biases"))
    # six heads: of two each, matrices 0 to 2 get theirs
    assert {name: change(flawed, place) > 1e-6 for name, place in places.items()} == {
        "h": True,
        "D0": False,
        "F0": False,
    }
    assert all(change(whole, place) > 1e-6 for place in places.values())


def test_the_idle_layer_is_one_layer_less():
    whole, flawed = untrained(), untrained("idle-layer")
    assert len(whole.layers.qkv.weight) == 12 and len(flawed.layers.qkv.weight) == 11


COUNTS = {"tiny": 5_440_824, "small": 21_645_432, "base": 86_348_016, "medium": 304_559_744}


@pytest.mark.parametrize("size", SIZES)
def test_the_number_of_weights_is_the_papers(size):
    shape = eqx.filter_eval_shape(PaperQPT.create, molecule("water"), "pbe/def2-svp", size)
    count = sum(leaf.size for leaf in jax.tree.leaves(shape) if hasattr(leaf, "dtype"))
    assert count == COUNTS[size]
    layers = [shape.layers.qkv, shape.layers.out, *shape.layers.mlp.layers]
    in_layers = sum(layer.weight.size for layer in layers)
    width, depth = SIZES[size].width, SIZES[size].layers
    assert in_layers == 12 * depth * width**2
    if size == "medium":
        assert round(in_layers / 1e6) == 302


def test_the_place_of_the_molecule_changes_nothing(water):
    case, network = distorted("water"), shaken(untrained())
    moved = case.with_positions(case.positions + np.array([2.0, -5.0, 9.0]))
    delta = network.correction(first_build(integrals(moved, parse_theory(SPEC))))
    np.testing.assert_allclose(delta, network.correction(water), atol=1e-5)


def test_each_orbital_has_its_own_vector(water):
    network = untrained()
    tokens = (
        network.embed(water)[0]
        - eqx.tree_at(lambda n: n.embedding.weight, network, replace_fn=jnp.zeros_like).embed(
            water
        )[0]
    )
    drawn = tokens * np.sqrt(192)
    # O: 1s 2s 2p 2p 2p, then the 1s of both H
    np.testing.assert_allclose(drawn[:6], jnp.roll(network.embedding.weight, -1, 0), atol=1e-4)
    np.testing.assert_allclose(drawn[5], drawn[6], atol=1e-4)


@slow
def test_the_prediction_does_not_turn_with_the_molecule():
    case, network = distorted("water"), shaken(untrained(level=BIG))
    turned = case.with_positions(case.positions @ TURN.T)
    grid = molecular_grid(case, BIG)
    here = network.correction(first_build(integrals(case, BIG, grid)))
    there = network.correction(
        first_build(integrals(turned, BIG, Grid(grid.points @ TURN.T, grid.weights)))
    )
    u = rotation_of_orbitals(case, turned, TURN)
    change = np.linalg.norm(there - u @ here @ u.T) / np.linalg.norm(here)
    assert change > 0.1


@slow
def test_the_gradient_of_the_loss_is_the_finite_difference(water):
    # in float64: the check needs more digits than the network carries
    network = jax.tree.map(
        lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, shaken(untrained())
    )
    parts, rest = eqx.partition(network, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(parts)
    loss = jax.jit(lambda w: energy_loss(eqx.combine(unravel(w), rest), water))
    along = np.random.default_rng(0).normal(size=flat.shape)
    along = jnp.asarray(along / np.linalg.norm(along))
    h = 1e-2
    near, far = (loss(flat + t * along) - loss(flat - t * along) for t in (h, 2 * h))
    difference = (8 * near - far) / (12 * h)
    np.testing.assert_allclose(jax.grad(loss)(flat) @ along, difference, rtol=1e-3, atol=1e-6)


@slow
def test_forces_are_the_slope_of_the_predicted_energy(monkeypatch):
    # all of it in float64: the difference quotient needs more digits than the network carries
    monkeypatch.setattr(paper, "SINGLE", jnp.float64)
    case, network = distorted("water"), shaken(untrained())
    forces = predict(network, case, forces=True).forces
    way, difference = along_a_line(case, lambda m: float(predict(network, m).energy.total), 3e-4)
    assert abs(difference) > 1e-3
    assert abs(np.sum(forces * way) + difference) < 1e-6


@slow
def test_forces_are_finite_where_the_axes_are_open():
    pair = molecule("hydrogen")
    network = shaken(PaperQPT.create(pair, SPEC))
    assert np.isfinite(predict(network, pair, forces=True).forces).all()


def new_run(out=None, **settings) -> Training:
    config = TrainConfig(**{"lr": 1e-4, "steps": 4, "batch": 2, "n_validation": 2, **settings})
    return Training(untrained(), wiggle(molecule("water")), config, out=out)


@slow
def test_training_makes_up_for_what_screening_would():
    run = new_run(steps=80, batch=4)
    first, *_, last = run
    assert first.loss > 0.05  # F0, above where screening would have led
    assert last.loss < 0.03 * first.loss and last.val_error_ha[0] < 0.03 * first.loss


@slow
def test_a_saved_run_resumes_bit_for_bit_and_loads(tmp_path):
    whole, part = new_run(), new_run(out=tmp_path / "run")
    list(whole)
    for log in part:
        if log.step == 2:
            break
    resumed = Training.resume(tmp_path / "run")
    list(resumed)
    states = [jax.tree.leaves(eqx.filter(run.state, eqx.is_array)) for run in (whole, resumed)]
    assert all(map(np.array_equal, *states))
    loaded = load(tmp_path / "run")
    assert all(map(np.array_equal, weights(loaded), weights(whole.model)))
    assert repr(loaded) == repr(whole.model)


def test_flaws_are_saved(tmp_path):
    flawed = untrained(*FLAWS)
    Training(flawed, wiggle(molecule("water"))).save(tmp_path / "run")
    loaded = load(tmp_path / "run")
    assert loaded.flaws == FLAWS and loaded.size == "tiny"
    case = distorted("water")
    energies = [float(predict(m, case).energy.total) for m in (loaded, flawed)]
    assert energies[0] == energies[1]


def test_bad_input_is_refused():
    for wrong, message in (
        ({"size": "huge"}, "unknown size 'huge'; known: tiny, small, base, medium"),
        ({"flaws": ("slow",)}, "unknown flaw 'slow'; known: softmax-over-queries, "),
    ):
        with pytest.raises(ValueError, match=message):
            PaperQPT.create(molecule("water"), SPEC, **wrong)
    with pytest.raises(ValueError, match="closed shells only"):
        PaperQPT.create(molecule("oxygen"), SPEC)
    with pytest.raises(ValueError, match="made for H, O; H3N also has N"):
        predict(untrained(), molecule("ammonia"))

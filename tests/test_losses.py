"""Losses: their values against PySCF's matrices, their gradients, and how they are written."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jax.flatten_util import ravel_pytree
from test_qpt import shaken, untrained
from test_training import new_run, same_weights, weights
from tiers import later, slow

from qptlab.dft import integrals, scf
from qptlab.library import molecule
from qptlab.qpt.losses import Term, loss, parse_loss
from qptlab.qpt.networks import block, response_net
from qptlab.qpt.pipeline import propose, refine
from qptlab.qpt.prepared import first_build
from qptlab.qpt.runs.folder import read_history
from qptlab.qpt.training.geometries import Geometries
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.step import ABSURD, FEWEST, objection, usual_norm
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory

LEVEL = parse_theory("pbe/6-31g*")


@pytest.fixture(scope="module")
def water():
    return first_build(integrals(distorted("water"), LEVEL))


@pytest.fixture(scope="module")
def network():
    return shaken(block.BlockQPT.create(molecule("water"), LEVEL).with_response_net())


def value(network, geometry, spec: str) -> float:
    chosen = parse_loss(spec)
    return float(loss(network, geometry, chosen.terms, chosen.weights(0.0))[0])


@pytest.mark.parametrize("iterations", [0, later(1)])
def test_terms_are_what_pyscfs_matrices_say(water, network, iterations):
    end = refine(propose(network, water), water, iterations)
    mf = pyscf_mean_field(distorted("water"), LEVEL)
    dm = np.asarray(end.dm)
    fock, overlap = np.asarray(mf.get_fock(dm=dm)), mf.get_ovlp()
    half = np.linalg.cholesky(overlap)
    occupation, turned = np.linalg.eigh(half.T @ dm @ half)
    coeff = np.linalg.solve(half.T, turned)
    filled, empty = coeff[:, occupation > 1], coeff[:, occupation < 1]
    # canonical among the filled and among the empty
    e_i, u_i = np.linalg.eigh(filled.T @ fock @ filled)
    e_a, u_a = np.linalg.eigh(empty.T @ fock @ empty)
    f_ai = u_a.T @ empty.T @ fock @ filled @ u_i
    assert value(network, water, f"commutator@{iterations}") == pytest.approx(np.sum(f_ai**2))
    expected = 2 * np.sum(f_ai**2 / (e_a[:, None] - e_i))
    assert value(network, water, f"delta2@{iterations}") == pytest.approx(expected, rel=1e-6)
    energy = mf.energy_tot(dm) - float(water.plain_energy)
    assert value(network, water, f"energy@{iterations}") == pytest.approx(energy, abs=1e-8)


@slow
@pytest.mark.parametrize(
    "spec", [later("energy"), later("delta2"), later("commutator"), "0.5*energy@2+delta2@1"]
)
def test_gradients_are_finite_differences(spec, monkeypatch):
    for module in (block, response_net):
        monkeypatch.setattr(module, "SINGLE", jnp.float64)
    network = shaken(block.BlockQPT.create(molecule("water"), LEVEL).with_response_net())
    geometry, chosen = first_build(integrals(distorted("water"), LEVEL)), parse_loss(spec)
    trainable, rest = eqx.partition(network, eqx.is_inexact_array)
    flat, unravel = ravel_pytree(trainable)
    way = np.random.default_rng(0).normal(size=flat.shape)
    way = jnp.asarray(way / np.linalg.norm(way))

    @jax.jit
    def along(t):
        moved = eqx.combine(unravel(flat + t * way), rest)
        return loss(moved, geometry, chosen.terms, chosen.weights(0.0))[0]

    step = 1e-4
    near, far = (float(along(t) - along(-t)) for t in (step, 2 * step))
    difference = (8 * near - far) / (12 * step)
    assert abs(difference) > 5e-5
    assert float(jax.jit(jax.grad(along))(0.0)) == pytest.approx(difference, rel=1e-4)


@slow
def test_the_second_order_error_is_an_error_bar(water):
    """Above the true error, of its size, and zero with it."""
    best = float(scf(distorted("water"), LEVEL, conv_tol=1e-10).energy.total)
    nothing = untrained()
    for k in range(3):
        end = refine(propose(nothing, water), water, k)
        ratio = value(nothing, water, f"delta2@{k}") / (float(end.energy.total) - best)
        assert 1 < ratio < 4  # without the response of F it is too large
    assert value(nothing, water, "delta2@9") < 1e-9


def test_a_loss_is_written_as_a_sum():
    mixed = parse_loss("2*energy + delta2@1 -> 1e-1*delta2@1")
    assert mixed.terms == (Term("energy", 0), Term("delta2", 1))
    np.testing.assert_allclose(mixed.weights(0.0), [2, 1])
    np.testing.assert_allclose(mixed.weights(0.5), [1, 0.55])
    np.testing.assert_allclose(mixed.weights(1.0), [0, 0.1])
    np.testing.assert_allclose(parse_loss("energy").weights(0.7), [1])


@pytest.mark.parametrize(
    "spec, message",
    [
        ("enrgy", "'enrgy' is not one of energy, delta2, commutator"),
        ("", "'' is not one of"),
        ("energy+", "'' is not one of"),
        ("0*energy", "weight 0; expected a number above 0"),
        ("energy@x", "is not one of"),
        ("energy -> delta2 -> energy", "more than one ->"),
    ],
)
def test_what_is_no_loss_is_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        parse_loss(spec)


def test_harmful_gradients_are_named():
    history = [{"H2O 0": 0.5}, {}, *[{"H2O 0": 2.0, "HO -1": 90.0}] * FEWEST, {"H2 0": 1e-9}][::-1]
    usual = usual_norm(history, "H2O 0")
    assert usual == 2.0 and usual_norm(history, "HO -1") == 90.0
    assert usual_norm(history, "H2 0") == usual_norm(history, "HO 1") == np.inf
    assert objection(7, -0.1, 2 * ABSURD, usual) is None
    assert objection(7, -0.1, 3 * ABSURD, usual) == (
        "training geometry 7: gradient 150 times the usual one"
    )
    assert objection(7, float("nan"), 1.0, usual).startswith("training geometry 7: loss nan")
    assert "norm inf" in objection(7, 1.0, float("inf"), np.inf)


def poisoned(monkeypatch, index: int) -> None:
    """Training geometry number `index` comes with a Fock matrix that is not finite."""
    draw = Geometries.draw

    def spoil(geometries, wanted):
        drawn = draw(geometries, wanted)
        if wanted != index:
            return drawn
        fock = drawn.inputs.start.at[0, 0].set(math.nan)
        return drawn._replace(inputs=eqx.tree_at(lambda s: s.start, drawn.inputs, fock))

    monkeypatch.setattr(Geometries, "draw", spoil)


@slow
def test_a_harmful_geometry_is_left_out_and_named(monkeypatch, tmp_path):
    poisoned(monkeypatch, 0)
    run = new_run(tmp_path, steps=6)
    logs = list(run)
    named = [log for log in logs if log.skipped]
    assert named and all("training geometry 0: loss nan" in log.skipped[0] for log in named)
    assert all(np.isfinite(log.loss) and min(log.gradient_norms.values()) > 0 for log in logs)
    assert all(np.isfinite(x).all() for x in weights(run))
    assert read_history(tmp_path) == logs


def test_where_every_geometry_is_harmful_the_weights_stay(monkeypatch):
    poisoned(monkeypatch, 0)
    run = new_run(steps=3, batch=1)
    before = weights(run)
    for log in run:
        if log.skipped:
            break
        before = weights(run)
    assert log.skipped and math.isnan(log.loss) and log.gradient_norms == {}
    changed = [not np.array_equal(a, b) for a, b in zip(before, weights(run), strict=True)]
    assert sum(changed) == 1  # the count of steps


@slow
def test_other_losses_train_and_resume(tmp_path):
    def lasting(folder=None, **limits):
        return new_run(folder, loss="energy -> delta2", batch=1, **limits)

    whole = lasting(steps=40)
    list(whole)
    first = lasting(tmp_path, steps=40)
    for log in first:
        if log.step == 15:
            break
    resumed = Training.resume(tmp_path)
    list(resumed)
    assert resumed.config.loss == "energy -> delta2"
    assert same_weights(whole, resumed)
    # ΔE₂ by now, and a fortieth of an energy near −0.08
    assert abs(whole.history[-1].loss) < 0.01
    assert whole.history[-1].val_error_ha[0] < 0.1 * whole.baselines_ha["plain"][0]

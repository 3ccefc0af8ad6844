"""Backpropagation link by link: against training's own gradient, PySCF and finite differences."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted, linear
from test_qpt import shaken
from tiers import rest_slow, slow

from qptlab.dft import energy, integrals
from qptlab.dft.energy import energy_and_fock
from qptlab.dft.integrals import default_grid
from qptlab.library import molecule
from qptlab.qpt.gradient_chain import LINKS, finite_difference, gradient_chain
from qptlab.qpt.losses import parse_loss
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.networks.paper import PaperQPT
from qptlab.qpt.prepared import first_build
from qptlab.qpt.runs.weights import filled, read_weights, write_weights
from qptlab.qpt.training.step import gradient
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory


def prepared(case, level, kind=BlockQPT, size=0.01):
    """A network that no longer predicts nothing, and what it sees of the molecule."""
    model = shaken(kind.create(case, level), size=size)
    return model, first_build(integrals(case, parse_theory(level)))


CASES = {
    "water": lambda: (distorted("water"), "pbe/6-31g"),
    "ammonia": lambda: (molecule("ammonia"), "lda/sto-3g"),  # a degenerate pair of orbitals
    "N2": lambda: (linear("N", "N", distance=2.1), "b3lyp5/sto-3g"),  # two degenerate pairs
}


@pytest.fixture(scope="module", params=rest_slow(CASES, ["ammonia"]))
def case(request):
    model, geometry = prepared(*CASES[request.param]())
    return model, geometry, gradient_chain(model, geometry)


def test_the_weights_derivative_is_the_gradient_that_training_takes(case):
    model, geometry, chain = case
    chosen = parse_loss("energy")
    *_, slope = gradient(model, geometry, chosen.terms, chosen.weights(0.0))
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(slope, eqx.is_inexact_array))
    named = {
        jax.tree_util.keystr(path): 2 * geometry.integrals.n_occ * leaf for path, leaf in leaves
    }
    assert list(named) == list(chain.d_weights) == list(chain.weights)
    largest = max(np.abs(leaf).max() for leaf in named.values())
    assert largest > 0.01
    for name, leaf in named.items():
        np.testing.assert_allclose(chain.d_weights[name], leaf, atol=3e-6 * largest, err_msg=name)


def test_values_are_those_of_the_prediction(case):
    model, geometry, chain = case
    ints = geometry.integrals
    assert np.abs(chain.delta_fock).max() > 1e-3
    np.testing.assert_allclose(chain.delta_fock, model(geometry), atol=1e-6)
    np.testing.assert_allclose(chain.fock, geometry.start + chain.delta_fock, atol=1e-14)
    assert np.sum(chain.dm * np.asarray(ints.overlap)) == pytest.approx(2 * ints.n_occ)
    assert chain.energy == pytest.approx(
        float(energy(jnp.asarray(chain.dm), ints).total), abs=1e-10
    )


def test_the_derivative_by_the_density_is_its_fock_matrix(case):
    _, geometry, chain = case
    fock = energy_and_fock(jnp.asarray(chain.dm), geometry.integrals)[1]
    np.testing.assert_allclose(chain.d_dm, fock, atol=1e-10)


def test_the_derivative_by_the_density_is_pyscfs_fock_matrix():
    water, level = distorted("water"), parse_theory("pbe/6-31g")
    ints = integrals(water, level, default_grid(water, level))
    model = shaken(BlockQPT.create(water, level), size=0.01)
    chain = gradient_chain(model, first_build(ints))
    theirs = pyscf_mean_field(water, level).get_fock(dm=chain.dm)
    np.testing.assert_allclose(chain.d_dm, theirs, atol=1e-7)


def test_derivatives_are_finite_and_symmetric_and_pass_through_the_sum_unchanged(case):
    _, _, chain = case
    assert np.array_equal(chain.d_fock, chain.d_delta_fock)
    for name in LINKS:
        slope = chain.slope(name)
        assert np.isfinite(slope).all()
        np.testing.assert_allclose(slope, slope.T, atol=1e-12)
    assert all(np.isfinite(norm) and norm > 0 for norm in list(chain.norms().values())[:3])


@pytest.mark.parametrize("name", [*LINKS, ".head.layers[1].weight", ".layers.qkv.weight"])
def test_every_derivative_is_a_finite_difference(case, name):
    model, geometry, chain = case
    slope = chain.slope(name)
    order = np.argsort(np.abs(slope), axis=None)
    for place in (order[-1], order[len(order) // 2]):
        index = np.unravel_index(place, slope.shape)
        result = finite_difference(model, geometry, name, index, chain=chain)
        assert result.agree, result
        assert result.analytic == slope[index]
    largest = finite_difference(model, geometry, name, np.unravel_index(order[-1], slope.shape))
    assert largest.relative < 3e-5 and abs(largest.analytic) > 1e-4
    assert largest.uncertainty < 1e-4 * abs(largest.analytic)


@pytest.mark.parametrize("name", [*LINKS, ".head.layers[1].weight"])
def test_a_wrong_derivative_is_found(case, name):
    model, geometry, chain = case
    index = np.unravel_index(np.abs(chain.slope(name)).argmax(), chain.slope(name).shape)
    if name in LINKS:
        wrong = replace(chain, **{f"d_{name}": 1.001 * chain.slope(name)})
    else:
        wrong = replace(chain, d_weights={**chain.d_weights, name: 1.001 * chain.slope(name)})
    assert not finite_difference(model, geometry, name, index, chain=wrong).agree


@slow
def test_the_papers_network_has_a_chain_too():
    model, geometry = prepared(distorted("water"), "lda/sto-3g", PaperQPT, size=0.01)
    chain = gradient_chain(model, geometry)
    name = max(chain.d_weights, key=lambda name: np.abs(chain.slope(name)).max())
    index = np.unravel_index(np.abs(chain.slope(name)).argmax(), chain.slope(name).shape)
    result = finite_difference(model, geometry, name, index, chain=chain)
    assert result.agree and result.relative < 1e-3


def test_an_untrained_network_learns_in_its_last_layer_first():
    water = distorted("water")
    model = BlockQPT.create(water, "lda/sto-3g")
    chain = gradient_chain(model, first_build(integrals(water, model.theory)))
    assert np.all(chain.delta_fock == 0)
    moved = {name for name, norm in chain.norms().items() if norm > 0}
    assert moved == {*LINKS, ".head.layers[1].weight", ".head.layers[1].bias"}


def test_names_are_those_of_a_weights_file(tmp_path):
    water = molecule("water")
    model = shaken(BlockQPT.create(water, "lda/sto-3g"))
    write_weights(tmp_path / "w", model, {"qptlab": "{}"})
    same = filled(model, read_weights(tmp_path / "w"))
    chain = gradient_chain(same, first_build(integrals(water, model.theory)))
    from safetensors.numpy import load_file

    assert set(load_file(tmp_path / "w")) == set(chain.weights)


@pytest.mark.parametrize(
    ("name", "index", "h", "words"),
    [
        ("dm", (0, 99), 1e-4, "there is no element"),
        ("dm", (0,), 1e-4, "there is no element"),
        ("dmm", (0, 0), 1e-4, "no derivative by 'dmm'; known: dm, fock"),
        ("dm", (0, 0), 0.0, "expected a number above 0"),
    ],
)
def test_wrong_questions_are_refused(case, name, index, h, words):
    model, geometry, chain = case
    with pytest.raises(ValueError, match=words):
        finite_difference(model, geometry, name, index, h, chain)

"""The path of an SCF against `ql.scf`, PySCF and its own definition, by every scheme."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import qptlab as ql
from qptlab.dft import fill, fock_matrix, integrals, overlap_matrix, scf_path
from qptlab.dft.diis import DEPTH, DiisHistory
from qptlab.dft.energy import TERMS
from qptlab.dft.schemes import SCHEMES, Plain
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import prepare
from qptlab.qpt.scf_starts import MINAO, NETWORK, ScfStarts
from qptlab.reference import pyscf_mean_field
from qptlab.theory import parse_theory

PBE = parse_theory("pbe/6-31g")
SMALL = parse_theory("lda/sto-3g")


@pytest.fixture(scope="module")
def water():
    return ql.molecule("water")


@pytest.fixture(scope="module")
def ints(water):
    return integrals(water, PBE)


@pytest.fixture(scope="module")
def paths(ints):
    return {scheme: scf_path.scf_path(ints, scheme=scheme) for scheme in SCHEMES}


@pytest.fixture(scope="module")
def network():
    """Water by the network that ships, and without it."""
    model = ql.load("water")
    return ScfStarts(ql.molecule("water"), model.theory, model)


def test_diis_is_the_path_of_scf(water, paths):
    path, result = paths["diis"], ql.scf(water, PBE)
    assert path.converged and result.converged
    assert path.builds[-1] + 1 == result.fock_builds
    assert path.energy[-1] == pytest.approx(float(result.energy.total), abs=1e-10)
    for k, name in enumerate(TERMS):
        assert path.terms[-1, k] == pytest.approx(float(getattr(result.energy, name)), abs=1e-7)
    assert np.abs(path.dm[-1] - result.dm).max() < 1e-8
    gap = result.mo_energy[result.n_occ] - result.mo_energy[result.n_occ - 1]
    assert path.gap[-1] == pytest.approx(gap, abs=1e-8)
    assert "converged after" in path.message and not path.message.startswith("not")


@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_pyscf_finds_the_same_numbers_in_the_same_densities(water, paths, k):
    mf, path = pyscf_mean_field(water, PBE), paths["diis"]
    dm = path.dm[k]
    fock = mf.get_fock(dm=dm)
    assert path.energy[k] == pytest.approx(mf.energy_tot(dm), abs=1e-8)
    error = fock @ dm @ mf.get_ovlp()
    assert path.commutator[k] == pytest.approx(np.abs(error - error.T).max(), abs=1e-6)
    levels, _ = mf.eig(fock, mf.get_ovlp())
    assert path.gap[k] == pytest.approx(levels[5] - levels[4], abs=1e-6)


@pytest.mark.parametrize("scheme", ["diis", "mixing", "plain"])
def test_the_weights_are_those_that_make_the_next_density(ints, paths, scheme):
    path = paths[scheme]
    focks = np.stack([fock_matrix(jnp.asarray(dm), ints) for dm in path.dm[:5]])
    for k in range(4):
        mixed = jnp.asarray(np.einsum("k,kab->ab", path.weights[k, :5], focks))
        following = fill(mixed, ints.overlap, ints.occupation).dm
        assert np.abs(following - path.dm[k + 1]).max() < 1e-7
        assert path.dm_change[k] == pytest.approx(
            np.abs(path.dm[k + 1] - path.dm[k]).max(), abs=1e-9
        )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_weights_sum_to_one_and_look_backwards(paths, scheme):
    weights = paths[scheme].weights
    assert weights.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert not np.triu(weights, 1).any()
    assert np.count_nonzero(weights, axis=1).max() <= (DEPTH if scheme != "mixing" else 99)


def test_a_full_history_is_told_by_iteration_not_by_slot():
    rng, history = np.random.default_rng(0), DiisHistory.empty((3, 3))
    errors = rng.normal(size=(11, 3, 3))
    for error in errors:
        history = history.push(jnp.asarray(error), jnp.asarray(error))
    found = history.by_iteration()
    assert list(found) == list(range(11 - DEPTH, 11)), "oldest first"
    # the smallest mixture: with Gram matrix G of the errors, w ∝ G⁻¹ 1
    kept = errors[-DEPTH:].reshape(DEPTH, -1)
    expected = np.linalg.solve(kept @ kept.T, np.ones(DEPTH))
    assert list(found.values()) == pytest.approx(expected / expected.sum(), rel=1e-6)


def test_plain_iteration_of_pbe_goes_nowhere_where_the_others_converge(paths):
    assert [paths[s].converged for s in ("diis", "screened", "plain")] == [True, True, False]
    answer = paths["diis"].energy[-1]
    assert paths["plain"].energy[-1] - answer > 1
    assert np.isfinite(paths["plain"].energy).all()
    assert "not converged after 12 Fock builds" in paths["plain"].message
    assert 0 < paths["mixing"].energy[-1] - answer < 1e-7
    assert len(paths["screened"]) < len(paths["diis"])
    assert paths["screened"].energy[-1] == pytest.approx(answer, abs=1e-10)
    assert all(path.energy[0] == paths["diis"].energy[0] for path in paths.values())


def test_the_network_begins_nearer_and_ends_at_the_same_density(network):
    minao, learned = (network.path(start, "diis") for start in (MINAO, NETWORK))
    answer = network.reference().energy[-1]
    assert learned.builds[0] == 1 and minao.builds[0] == 0, "its density costs a Fock build"
    error = {path: path.energy[path.at(1)] - answer for path in (minao, learned)}
    assert 0 < error[learned] < 1e-3 * error[minao]
    assert learned.energy[-1] == pytest.approx(minao.energy[-1], abs=1e-10)
    assert learned.builds[-1] < minao.builds[-1]
    assert network.path(NETWORK, "diis") is learned, "nothing is computed twice"
    assert network.known(NETWORK, "diis") is learned and network.known(NETWORK, "plain") is None


def test_screened_from_the_network_is_its_refining_without_a_response(network):
    path = network.path(NETWORK, "screened")
    silent = eqx.tree_at(lambda model: model.response, network.model, None)
    prepared = prepare(network.molecule, network.theory)
    for refine in (0, 2):
        judge = predict(silent, network.molecule, refine, prepared=prepared)
        assert path.energy[refine] == pytest.approx(float(judge.energy.total), abs=1e-10)
        assert path.builds[refine] == judge.fock_builds
        assert path.commutator[refine] == pytest.approx(judge.commutator, abs=1e-8)


def test_a_path_that_stops_where_numbers_end(ints, monkeypatch):
    class Breaks(Plain):
        def step(self, built, state, ints):
            fock, state = super().step(built, state, ints)
            return jnp.where(state.count < 3, fock, jnp.nan), state

    monkeypatch.setitem(SCHEMES, "plain", Breaks())
    path = scf_path.scf_path(ints, scheme="plain")
    assert len(path) == 3 and not path.converged
    assert path.message == "stopped after 2 Fock builds: the numbers are no longer finite"
    assert np.isfinite(path.energy).all()


def test_what_cannot_be_shown_is_refused(ints):
    guess = np.asarray(ints.dm_guess)
    with pytest.raises(ValueError, match="closed shells only"):
        scf_path.scf_path(integrals(ql.molecule("O2"), SMALL))
    with pytest.raises(ValueError, match="unknown scheme 'magic'; known: diis, screened"):
        scf_path.scf_path(ints, scheme="magic")
    with pytest.raises(ValueError, match="expected"):
        scf_path.scf_path(ints, guess[:-1])
    with pytest.raises(ValueError, match="not finite"):
        scf_path.scf_path(ints, guess * np.nan)
    with pytest.raises(ValueError, match="expected 0 or more"):
        scf_path.scf_path(ints, iterations=-1)


def test_densities_are_found_by_fock_builds(ints):
    path = scf_path.scf_path(ints, iterations=3, before=1)
    assert path.builds.tolist() == [1, 2, 3, 4]
    assert [path.at(builds) for builds in (1, 3, 99)] == [0, 2, 3]
    with pytest.raises(ValueError, match="the first needs 1"):
        path.at(0)
    electrons = np.einsum("kab,ba->k", path.dm, overlap_matrix(ql.molecule("water"), PBE))
    assert electrons[1:] == pytest.approx(10, abs=1e-9)
    assert electrons[0] == pytest.approx(10, abs=0.05), "the guess has them nearly"


def test_why_there_is_no_network(water):
    assert "train or load one" in ScfStarts(water, SMALL).no_network
    model = ql.BlockQPT.create(water, "lda/sto-3g")
    assert ScfStarts(water, SMALL, model).no_network == ""
    assert "is for lda/sto-3g, not for pbe/6-31g" in ScfStarts(water, PBE, model).no_network
    finer = parse_theory("lda/sto-3g", grid=3)
    assert "grid=3" in ScfStarts(water, finer, model).no_network
    methane = ScfStarts(ql.molecule("methane"), SMALL, model)
    assert "also has C" in methane.no_network
    with pytest.raises(ValueError, match="also has C"):
        methane.path(NETWORK, "diis")

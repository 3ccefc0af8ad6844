"""Supervised training: losses against PySCF's matrices, labels and what they are charged."""

import json
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jax.flatten_util import ravel_pytree
from test_qpt import shaken
from test_training import SPEC, same_weights
from tiers import later, slow

from qptlab.cli import main
from qptlab.dft import energy, integrals
from qptlab.dft.density import fill
from qptlab.library import molecule
from qptlab.qpt.labels import label
from qptlab.qpt.losses import loss, parse_loss
from qptlab.qpt.networks import block
from qptlab.qpt.networks.base import Network
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.networks.paper import PaperQPT
from qptlab.qpt.prepared import first_build
from qptlab.qpt.runs.folder import read_history
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.geometries import PreparedStream
from qptlab.qpt.training.run import Training
from qptlab.reference import pyscf_fock, pyscf_scf
from qptlab.theory import Theory, parse_theory

LEVEL = parse_theory("b3lyp5/6-31g*")


@pytest.fixture(scope="module")
def judge():
    return pyscf_scf(distorted("water"), LEVEL)


@pytest.fixture(scope="module")
def water(judge):
    return first_build(integrals(distorted("water"), LEVEL))


@pytest.fixture(scope="module")
def answer(water, judge):
    return label(judge.fock, water)


@pytest.fixture(scope="module")
def network():
    return shaken(BlockQPT.create(molecule("water"), LEVEL))


class Fixed(Network):
    """Predicts one matrix, whatever it sees."""

    delta_fock: jax.Array
    theory: Theory = eqx.field(static=True, default=LEVEL)
    made_for: tuple[str, ...] = ("H", "O")

    def __call__(self, prepared):
        return self.delta_fock

    def describe(self):
        return {}

    @classmethod
    def from_description(cls, described, theory, elements):
        raise NotImplementedError


def value(network, geometry, spec: str, answer):
    chosen = parse_loss(spec)
    return loss(network, geometry, chosen.terms, chosen.weights(0.0), answer)


def new_run(out=None, labels=pyscf_fock, **settings) -> Training:
    given = {"loss": "hamiltonian", "steps": 6, "batch": 2, "n_validation": 2, **settings}
    model = BlockQPT.create(molecule("water"), SPEC)
    return Training(model, wiggle(molecule("water")), TrainConfig(**given), labels=labels, out=out)


def test_terms_are_what_pyscfs_matrices_say(water, network, judge, answer):
    fock, n = np.asarray(water.start + network(water)), judge.n_occ
    wrong, energy_of_none = value(network, water, "hamiltonian", answer)
    assert float(wrong) == pytest.approx(np.abs(fock - judge.fock).mean(), rel=1e-9)
    assert np.isnan(energy_of_none)
    f_ai = judge.mo_coeff[:, n:].T @ fock @ judge.mo_coeff[:, :n]
    gaps = judge.mo_energy[n:, None] - judge.mo_energy[:n]
    expected = 2 * np.sum(f_ai**2 / gaps)
    assert float(value(network, water, "coupling", answer)[0]) == pytest.approx(expected, rel=1e-6)
    mixed, first = value(network, water, "0.5*hamiltonian+2*energy@1", answer)
    free = float(value(network, water, "energy@1", None)[0])
    assert float(mixed) == pytest.approx(0.5 * float(wrong) + 2 * free, abs=1e-9)
    assert float(first) == pytest.approx(float(value(network, water, "energy", None)[1]))


@pytest.mark.parametrize("spec", [later("hamiltonian"), later("coupling")])
def test_gradients_are_finite_differences(spec, water, answer, monkeypatch):
    monkeypatch.setattr(block, "SINGLE", jnp.float64)
    trainable, rest = eqx.partition(
        shaken(BlockQPT.create(molecule("water"), LEVEL)), eqx.is_inexact_array
    )
    flat, unravel = ravel_pytree(trainable)
    way = np.random.default_rng(0).normal(size=flat.shape)
    way = jnp.asarray(way / np.linalg.norm(way))

    @jax.jit
    def along(t):
        moved = eqx.combine(unravel(flat + t * way), rest)
        return value(moved, water.inputs, spec, answer)[0]

    step = 1e-5
    difference = float(along(step) - along(-step)) / (2 * step)
    assert abs(difference) > 1e-4
    assert float(jax.jit(jax.grad(along))(0.0)) == pytest.approx(difference, rel=1e-5)


def test_with_and_without_labels_the_same_matrix_is_best(water, judge, answer):
    @eqx.filter_jit
    def at(fock, geometry, spec: str):
        return value(Fixed(fock - geometry.start), geometry, spec, answer)[0]

    def of_matrix(fock, spec: str):
        return at(fock, water, spec)

    best = jnp.asarray(judge.fock)
    for spec, scale in (("hamiltonian", 1e-12), ("coupling", 1e-12), ("delta2", 1e-10)):
        assert 0 <= float(of_matrix(best, spec)) < scale
    assert float(jnp.abs(jax.grad(of_matrix)(best, "energy")).max()) < 1e-6
    # near the best, coupling is the energy that is lost, the response of F left out
    noise = np.random.default_rng(0).normal(size=best.shape)
    near = best + 1e-3 * (noise + noise.T)
    lost = float(of_matrix(near, "energy") - of_matrix(best, "energy"))
    assert 0.5 < float(of_matrix(near, "coupling")) / lost < 2
    # a shift of all orbital energies is an error of the matrix and of nothing else
    shifted = best + 0.1 * water.integrals.overlap
    assert float(of_matrix(shifted, "hamiltonian")) > 1e-3
    assert float(of_matrix(shifted, "coupling")) < 1e-12


def test_pyscfs_label_is_its_converged_matrix(judge):
    fock = pyscf_fock(distorted("water"), LEVEL)
    ints = integrals(distorted("water"), LEVEL)
    np.testing.assert_allclose(fock, judge.fock, atol=1e-5)
    lowest = energy(fill(jnp.asarray(fock), ints.overlap, ints.occupation), ints).total
    assert abs(float(lowest) - float(judge.energy.total)) < 1e-9


@pytest.mark.parametrize("kind", [BlockQPT, PaperQPT])
def test_a_network_needs_nothing_of_what_energies_need(kind, water):
    network = kind.create(molecule("water"), LEVEL)
    network = shaken(network) if kind is BlockQPT else network
    small = water.inputs
    assert np.array_equal(network(small), network(water))
    sizes = [sum(x.nbytes for x in jax.tree.leaves(s)) for s in (small, water)]
    assert sizes[0] < 0.1 * sizes[1]


@pytest.mark.parametrize("spec", [later("hamiltonian"), later("coupling")])
def test_it_learns_from_a_few_labels(spec):
    run = new_run(loss=spec, steps=80, batch=4, geometries=8)
    *_, last = run
    assert last.val_error_ha[0] < 0.1 * run.baselines_ha["plain"][0]
    assert 0 < last.loss < 0.1 * run.history[0].loss


@slow
def test_each_geometry_is_labelled_once_and_its_time_counted():
    asked = []

    def slow(mol, level):
        asked.append(mol)
        time.sleep(0.1)
        return pyscf_fock(mol, level)

    run = new_run(labels=slow, geometries=4, steps=12)
    logs = list(run)
    assert len(asked) == len(set(asked)) == 4
    assert 0.4 < run.clock.label_seconds < run.history[-1].seconds
    assert logs[0].seconds > 0.2  # the first step waited for two
    free = new_run(labels=slow, loss="energy", steps=1)
    list(free)
    assert len(asked) == 4 and free.clock.label_seconds == 0


@slow
def test_a_saved_run_resumes_bit_for_bit_when_given_labels_again(tmp_path):
    known = {}

    def labels(mol, level):
        return known.setdefault(mol, pyscf_fock(mol, level))

    whole = new_run(labels=labels, geometries=4)
    list(whole)
    first = new_run(tmp_path, labels=labels, geometries=4)
    for log in first:
        if log.step == 3:
            break
    with pytest.raises(ValueError, match="the loss 'hamiltonian' needs labels; give labels="):
        Training.resume(tmp_path)
    resumed = Training.resume(tmp_path, labels=labels)
    assert resumed.clock.label_seconds == first.clock.label_seconds > 0
    list(resumed)
    assert same_weights(whole, resumed)
    assert [log.step for log in read_history(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_without_validation_there_are_no_errors():
    run = new_run(loss="energy", n_validation=0, steps=None, minutes=0.05)
    logs = list(run)
    assert all(log.val_error_ha is None for log in logs) and run.baselines_ha is None


def test_a_stream_with_an_end_stays_there():
    prepared = []
    stream = PreparedStream(lambda i: prepared.append(i) or i, window=5, reuse=1, seed=0, total=5)
    draws = [stream.draw(2) for _ in range(50)]
    stream.close()
    assert sorted(prepared) == [0, 1, 2, 3, 4]
    assert {i for draw in draws[-10:] for i in draw} == {0, 1, 2, 3, 4}


def test_bad_input_is_said_in_a_sentence():
    with pytest.raises(ValueError, match="the loss 'hamiltonian' needs labels; give labels="):
        new_run(labels=None)
    with pytest.raises(ValueError, match=r"'energy\+coupling@1': .* write it without @1"):
        parse_loss("energy+coupling@1")
    with pytest.raises(ValueError, match="geometries 1; expected at least a batch of 2"):
        new_run(geometries=1)
    with pytest.raises(ValueError, match=r"geometries 4000: no more than .* a larger pool_gib"):
        list(new_run(geometries=4000, loss="energy", pool_gib=0.01))
    with pytest.raises(ValueError, match=r"finite 7 × 7 Fock matrix here; .* shape \(2, 2\)"):
        list(new_run(labels=lambda mol, level: np.eye(2)))


@slow
def test_on_the_command_line(capsys, tmp_path):
    def train(*more):
        argv = ["train", "water", "--theory", SPEC, "--out", str(tmp_path / "r"), *more, "--json"]
        assert main(argv) == 0
        return json.loads(capsys.readouterr().out)

    first = train("--loss", "hamiltonian", "--geometries", "4", "--steps", "2")
    assert first["steps"] == 2 and first["label_seconds"] > 0
    assert set(first["val_energy_mae_ha"]) == {"0", "1", "2", "3"}
    again = train("--resume", "--steps", "3")
    assert again["steps"] == 3 and again["label_seconds"] > first["label_seconds"]

"""Training: it learns, can be repeated, stopped, saved and resumed."""

import json
import math
import shutil
import threading
import time

import equinox as eqx
import jax
import numpy as np
import pytest
from geometries import distorted
from tiers import slow

from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.predict import predict
from qptlab.qpt.runs.folder import CONFIG, HISTORY, STATE, read_history
from qptlab.qpt.runs.models import load
from qptlab.qpt.runs.network_files import is_run
from qptlab.qpt.sampling import TRAIN, VALIDATION, Frames, wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.geometries import PreparedStream
from qptlab.qpt.training.run import Training
from qptlab.reference import pyscf_energy

SPEC = "pbe/sto-3g"


def new_run(out=None, **settings) -> Training:
    config = TrainConfig(**{"steps": 6, "batch": 2, "n_validation": 2, **settings})
    water = molecule("water")
    return Training(BlockQPT.create(water, SPEC), wiggle(water), config, out=out)


def weights(run: Training) -> list[np.ndarray]:
    return [np.asarray(x) for x in jax.tree.leaves(eqx.filter(run.state, eqx.is_array))]


def same_weights(a: Training, b: Training) -> bool:
    return all(map(np.array_equal, weights(a), weights(b)))


@slow
def test_training_beats_the_pipeline_without_a_network():
    run = new_run(steps=150, lr=2e-3, n_validation=4)
    *_, last = run
    assert run.baselines_ha["plain"][0] > 1e-4
    assert last.val_error_ha[0] < 0.1 * run.baselines_ha["plain"][0]
    assert last.val_error_ha[3] < 0.1 * run.baselines_ha["diis"][3]
    assert last.loss < -1e-4 and last.samples == 300


def test_validation_errors_are_against_pyscf():
    water = molecule("water")
    config = TrainConfig(steps=1, batch=1, n_validation=2)
    run = Training(BlockQPT.create(water, SPEC), wiggle(water), config, reference=pyscf_energy)
    (log,) = run
    errors = []
    for index in range(2):
        case = wiggle(water)(VALIDATION, 0, index)
        errors.append(abs(float(run.predict(case, 3).energy.total) - pyscf_energy(case, SPEC)))
    assert log.val_error_ha[3] == pytest.approx(np.mean(errors), abs=1e-9)


def test_the_same_seed_gives_the_same_run_and_another_another():
    first, second, third = new_run(), new_run(), new_run(seed=1)
    for run in (first, second, third):
        list(run)
    assert same_weights(first, second)
    assert not same_weights(first, third)


def test_a_run_can_be_left_and_entered_again():
    whole, broken = new_run(), new_run()
    list(whole)
    for log in broken:
        if log.step == 3:
            break
    assert broken.status == "idle"
    assert [log.step for log in broken] == [4, 5, 6]
    assert same_weights(whole, broken)


def test_a_saved_run_resumes_bit_for_bit(tmp_path):
    whole, part = new_run(), new_run(out=tmp_path / "run")
    list(whole)
    for log in part:
        if log.step == 3:
            break
    resumed = Training.resume(tmp_path / "run")
    assert [log.step for log in resumed.history] == [1, 2, 3]
    list(resumed)
    assert same_weights(whole, resumed)
    assert [log.step for log in read_history(tmp_path / "run")] == [1, 2, 3, 4, 5, 6]
    steps = [log.seconds for log in resumed.history]
    assert steps == sorted(steps)


def test_a_run_folder_is_json_and_weights_without_pickle(tmp_path):
    run = new_run(out=tmp_path / "run", steps=2)
    list(run)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [CONFIG, HISTORY, STATE]
    config = json.loads((tmp_path / "run" / CONFIG).read_text())
    assert config["model"]["theory"]["basis"] == "sto-3g"
    for source in (tmp_path / "run", tmp_path / "run" / STATE):
        model = load(source)
        case = distorted("water")
        energies = [float(predict(m, case).energy.total) for m in (model, run.model)]
        assert energies[0] == pytest.approx(energies[1], abs=1e-12)
        assert repr(model) == repr(run.model)


def test_a_history_cut_off_in_the_middle_of_a_line_is_readable(tmp_path):
    list(new_run(out=tmp_path / "run", steps=3))
    history = tmp_path / "run" / HISTORY
    history.write_text(history.read_text()[:-20])
    assert [log.step for log in read_history(tmp_path / "run")] == [1, 2]
    list(Training.resume(tmp_path / "run", steps=4))
    assert [log.step for log in read_history(tmp_path / "run")] == [1, 2, 4]


@pytest.fixture(scope="module")
def one_step(tmp_path_factory):
    """The folder of a run of one step."""
    folder = tmp_path_factory.mktemp("one") / "step"
    list(new_run(out=folder, steps=1))
    return folder


@pytest.mark.parametrize("damage", ["missing", "text", "truncated", "other format", "no settings"])
def test_what_is_not_a_run_is_refused(tmp_path, one_step, damage):
    folder = tmp_path / "run"
    if damage != "missing":
        shutil.copytree(one_step, folder)
    if damage == "text":
        (folder / CONFIG).write_text("hello")
    if damage == "truncated":
        (folder / STATE).write_bytes((folder / STATE).read_bytes()[:100])
    if damage == "other format":
        (folder / CONFIG).write_text('{"format": 99}')
    if damage == "no settings":
        (folder / CONFIG).write_text('{"format": 1}')
    else:
        with pytest.raises((ValueError, FileNotFoundError), match=str(folder)):
            load(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=str(folder)):
        Training.resume(folder)


def test_lr_acts_from_the_next_step():
    run = new_run(steps=None)
    rates = []
    for log in run:
        rates.append(log.lr)
        if log.step == 30:
            run.lr = 5e-5
        if log.step == 31:
            break
    assert rates[-2:] == [BlockQPT.usual_lr, 5e-5]
    for wrong in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="learning rate"):
            run.lr = wrong
    assert run.lr == 5e-5


def slow_reference(molecule, theory):
    time.sleep(2.5)
    return -75.0


@slow
def test_minutes_are_kept_where_references_are_slow():
    water = molecule("water")
    list(new_run(steps=1))  # compiles
    config = TrainConfig(minutes=0.2, batch=2, n_validation=16)
    run = Training(BlockQPT.create(water, SPEC), wiggle(water), config, reference=slow_reference)
    began = time.perf_counter()
    *_, last = run
    # sixteen references would take 40 s
    assert time.perf_counter() - began < 25
    assert last.val_error_ha is not None and last.step > 1


@slow
def test_a_held_run_loses_none_of_its_minutes():
    run = new_run(steps=None, minutes=0.15)
    steps = iter(run)
    first = next(steps)
    time.sleep(10)
    second = next(steps)
    assert second.seconds - first.seconds < 5
    assert second.step == 2
    steps.close()


def test_two_threads_cannot_train_one_run():
    run = new_run(steps=None)
    steps = iter(run)
    next(steps)
    thread = threading.Thread(target=lambda: [next(steps) for _ in range(40)])
    thread.start()
    time.sleep(0.1)
    with pytest.raises(RuntimeError, match="being trained already"):
        iter(run)
    thread.join()
    steps.close()


@pytest.mark.parametrize("working", [0, 3])
def test_a_reference_that_fails_is_left_out(working):
    calls = []

    def reference(molecule, theory):
        calls.append(molecule)
        if len(calls) != working:
            raise ValueError("PySCF does not converge")
        return -75.0

    water = molecule("water")
    config = TrainConfig(steps=3, batch=1, n_validation=2)
    run = Training(BlockQPT.create(water, SPEC), wiggle(water), config, reference=reference)
    if working:
        *_, last = run
        assert last.val_error_ha is not None and run.baselines_ha is not None
    else:
        with pytest.raises(ValueError, match=r"no validation geometry .* does not converge"):
            list(run)
        assert run.baselines_ha is None and run.status == "idle"


def test_atoms_on_top_of_each_other_are_drawn_again():
    sampler = wiggle(molecule("hydrogen"), sigma=0.9)
    drawn = [sampler(TRAIN, 0, i) for i in range(300)]
    assert min(np.linalg.norm(m.positions[0] - m.positions[1]) for m in drawn) > 0.3


def test_training_and_validation_geometries_differ():
    sampler = wiggle(molecule("water"))
    seen = {sampler(split, 0, i) for split in (TRAIN, VALIDATION) for i in range(50)}
    assert len(seen) == 100
    frames = Frames(tuple(sampler(TRAIN, 0, i) for i in range(10)))

    def shapes(split):
        """O–H distances seen: turning a frame leaves them."""
        seen = (frames(split, 0, i).positions for i in range(60))
        return {round(float(np.linalg.norm(xyz[0] - xyz[1])), 9) for xyz in seen}

    assert len(shapes(TRAIN)) == 7 and len(shapes(VALIDATION)) == 2
    assert not shapes(TRAIN) & shapes(VALIDATION)


@pytest.mark.parametrize("batch, window, reuse", [(1, 4, 2), (4, 16, 16), (3, 3, 1)])
def test_the_stream_reuses_and_moves_on(batch, window, reuse):
    prepared = []
    stream = PreparedStream(lambda i: prepared.append(i) or i, window=window, reuse=reuse, seed=0)
    draws = [stream.draw(batch) for _ in range(200)]
    stream.close()
    assert all(len(set(draw)) == batch for draw in draws)
    assert len(prepared) == len(set(prepared))
    assert max(map(max, draws)) <= window + 200 * batch // reuse
    assert min(draws[-1]) > 0 or 200 * batch // reuse < window
    again = PreparedStream(lambda i: i, window=window, reuse=reuse, seed=0, drawn=100 * batch)
    assert again.draw(batch) == draws[100]
    again.close()


def test_an_error_in_the_background_reaches_the_user():
    def fails(index):
        raise ValueError("atoms 1 (O) and 2 (H) are 0.01 Å apart")

    stream = PreparedStream(fails, window=4, reuse=1, seed=0)
    with pytest.raises(ValueError, match="apart"):
        stream.draw(1)
    stream.close()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"lr": -1.0}, "learning rate -1.0; expected a number above 0"),
        ({"batch": 0}, "batch 0; expected 1 or more"),
        ({"minutes": 0.0}, "minutes 0.0; expected a number above 0"),
        ({"refine": -1}, "refine -1; expected 0 or more"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


def test_a_network_for_other_elements_is_refused():
    with pytest.raises(ValueError, match="made for H, O"):
        Training(BlockQPT.create(molecule("water"), SPEC), wiggle(molecule("ammonia")))
    assert not is_run("nowhere")

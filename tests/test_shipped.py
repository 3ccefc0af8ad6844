"""Networks that ship: found by name, written and read, started from, and fit to be given away."""

import json

import equinox as eqx
import jax
import numpy as np
import pytest
from geometries import distorted
from safetensors import safe_open
from test_qpt import shaken
from tiers import later, slow

import qptlab as ql
from qptlab.cli import main
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import prepare
from qptlab.qpt.runs import shipped
from qptlab.qpt.runs.folder import CONFIG, STATE
from qptlab.qpt.runs.shipped import frozen_frames, shipped_model, shipped_names
from qptlab.qpt.sampling import Trajectories, wiggle

SPEC = "lda/sto-3g"
ABOUT = {"command": "qptlab train water", "seed": 5, "machine": "two cores", "seconds": 301.5}
LARGEST = 2e6
"""Bytes of a file that ships."""


@pytest.fixture(scope="module")
def network():
    return shaken(ql.BlockQPT.create(molecule("water"), SPEC), size=1e-4)


@pytest.fixture
def shelf(tmp_path, monkeypatch, network):
    """The folder of shipped networks, with a water in it; the current folder is an empty one."""
    folder, here = tmp_path / "models", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.setattr(shipped, "FOLDER", folder)
    monkeypatch.chdir(here)
    ql.save_model(network, folder / "water.safetensors", ABOUT)
    return folder


def weights(model) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_array))]


def same_weights(a, b) -> bool:
    return all(map(np.array_equal, weights(a), weights(b)))


def same(a, b) -> bool:
    return same_weights(a, b) and repr(a) == repr(b)


def test_a_network_that_ships_is_loaded_by_its_name(shelf, network):
    assert shipped_names() == ["water"]
    for name in ("water", "Water"):
        assert same(ql.load(name), network)
        assert ql.about_model(name) == ABOUT


def test_a_model_file_holds_the_weights_and_nothing_else(tmp_path, network):
    path = tmp_path / "mine.safetensors"
    ql.save_model(network, path, ABOUT)
    with safe_open(path, framework="numpy") as file:
        read = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        notes = file.metadata()
    assert all(name.startswith(".model.") for name in read)
    assert sum(array.size for array in read.values()) == network.n_parameters
    assert {array.dtype for array in read.values()} == {np.dtype("float32")}
    sizes = [sorted(float(np.sum(x)) for x in some) for some in (read.values(), weights(network))]
    assert sizes[0] == sizes[1]
    assert json.loads(notes["qptlab"])["theory"]["basis"] == "sto-3g"
    assert json.loads(notes["about"]) == ABOUT
    assert [place.name for place in tmp_path.iterdir()] == ["mine.safetensors"]
    assert same(ql.load(path), network)


@pytest.mark.parametrize(
    "about, message",
    [
        ({"seconds": float("nan")}, "about must be a dict that JSON can hold"),
        ({"machine": object()}, "about must be a dict that JSON can hold"),
    ],
)
def test_what_json_cannot_hold_is_refused(tmp_path, network, about, message):
    with pytest.raises(ValueError, match=message):
        ql.save_model(network, tmp_path / "mine.safetensors", about)
    with pytest.raises(ValueError, match="is a folder; expected a file"):
        ql.save_model(network, tmp_path, {})
    assert not list(tmp_path.iterdir())


def other() -> ql.BlockQPT:
    return ql.BlockQPT.create(molecule("water"), "pbe/sto-3g", seed=9)


def test_what_is_in_the_current_folder_goes_first(shelf, network, tmp_path):
    here = tmp_path / "here"
    run = ql.Training(other(), wiggle(molecule("water")))
    run.save(here / "water")
    assert same(ql.load("water"), other()) and ql.about_model("water") == {}
    (here / "water" / CONFIG).write_text("hello")  # a damaged run is not passed over in silence
    with pytest.raises(ValueError, match="water is not a run folder"):
        ql.load("water")
    for name in (CONFIG, STATE, "history.jsonl"):
        (here / "water" / name).unlink()
    (here / "water").rmdir()
    ql.save_model(other(), "water", {"seed": 9})
    assert same(ql.load("water"), other()) and ql.about_model("water") == {"seed": 9}


def test_a_folder_without_a_run_hides_no_network_that_ships(shelf, network, tmp_path):
    (tmp_path / "here" / "water").mkdir()
    (tmp_path / "here" / "water" / "geometry.xyz").write_text(to_xyz(molecule("water")))
    assert same(ql.load("water"), network)
    for source in ("./water", tmp_path / "here" / "water"):  # said to be a place
        with pytest.raises(ValueError, match="water is not a run folder"):
            ql.load(source)


def test_an_unknown_name_lists_those_that_ship(shelf, network):
    with pytest.raises(FileNotFoundError, match=r"watr; shipped models: water$"):
        ql.load("watr")
    ql.save_model(network, shelf / "ammonia.safetensors", {})
    with pytest.raises(FileNotFoundError, match=r"shipped models: ammonia, water$"):
        ql.about_model("watr")
    (shelf / "water.safetensors").write_text("hello")
    for read in (ql.load, ql.about_model):
        with pytest.raises(ValueError, match="is not a qptlab model file"):
            read("water")


def test_predict_and_evaluate_by_name(shelf, network, capsys, tmp_path):
    path = tmp_path / "geometry.xyz"
    path.write_text(to_xyz(distorted("water")))
    assert main(["predict", "water", str(path), "--refine", "1", "--json"]) == 0
    (frame,) = json.loads(capsys.readouterr().out)["frames"]
    expected = float(ql.predict(network, distorted("water"), 1).energy.total)
    assert frame["energy"] == pytest.approx(expected, abs=1e-9)
    assert main(["evaluate", "water", str(path), "--refine", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    judge = float(ql.pyscf_scf(distorted("water"), SPEC).energy.total)
    assert found["energy_mae_ha"] == pytest.approx(abs(expected - judge), abs=1e-9)


@slow
def test_training_starts_from_a_network_that_ships(shelf, network, capsys, tmp_path):
    """As in Python: the same weights, theory and learning rate, and an optimiser afresh."""
    out = str(tmp_path / "run")
    argv = ["train", "water", "--start", "water", "--steps", "2", "--seed", "3", "--json"]
    assert main([*argv, "--out", out]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 2
    config = ql.TrainConfig(steps=2, seed=3, lr=network.usual_lr)
    run = ql.Training(network, wiggle(molecule("water")), config)
    list(run)
    assert same(ql.load(out), run.model)
    assert not same(run.model, network)
    resumed = ql.Training.resume(out)
    assert int(resumed.state.step) == 2 and resumed.model.theory == network.theory


START = ["train", "water", "--out", "run", "--start", "water"]
BAD = {
    "other theory": ([*START, "--theory", "pbe/sto-3g"], "water has --theory lda/sto-3g; got pbe/"),
    "other grid": ([*START, "--grid", "3"], "--start water has --grid 1; got 3"),
    "other coulomb": ([*START, "--coulomb", "exact"], "has --coulomb df; got exact"),
    "a model too": ([*START, "--model", "block"], "its own network; leave out --model"),
    "a size too": ([*START, "--size", "tiny"], "its own network; leave out --size"),
    "a run too": ([*START, "--resume"], "the run's own weights; leave out --start"),
    "other elements": (["train", "ammonia", *START[2:]], "made for H, O; H3N also has N"),
    "unknown": ([*START[:-1], "watr"], "no run folder or model file: watr; shipped models: water"),
    "not a model": ([*START[:-1], "notes.txt"], "notes.txt is not a qptlab model file"),
    "predict by no name": (["predict", "watr", "water"], "shipped models: water"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_status_2(shelf, capsys, tmp_path, name):
    (tmp_path / "here" / "notes.txt").write_text("hello")
    argv, message = BAD[name]
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and message in shown.err and shown.err.count("\n") == 1
    assert not (tmp_path / "here" / "run").exists()


def test_frozen_geometries_are_what_a_sampler_saved(shelf):
    frames = tuple(distorted("water", seed) for seed in range(4))
    heat = (300.0, 300.0, 500.0, 500.0)
    saved = Trajectories(frames, (7, 7, 8, 8), heat, (-75.0,) * 4, (0.0,) * 4, (8,))
    saved.save(shelf / "water.test.xyz")
    found = frozen_frames("water")
    assert [f.trajectory for f in found] == ["7", "7", "8", "8"]
    assert tuple(f.temperature_k for f in found) == heat
    for frame, given in zip(found, frames, strict=True):
        np.testing.assert_allclose(frame.molecule.positions, given.positions, atol=1e-11)


def test_each_frozen_frame_has_its_own_charge(shelf):
    said = "trajectory=a temperature_k=300"
    hydroxide = ql.from_xyz("2\n\nO 0 0 0\nH 0 0 0.97")
    (shelf / "water.test.xyz").write_text(
        to_xyz(molecule("water"), said) + to_xyz(hydroxide, f"{said} charge=-1")
    )
    assert [frame.molecule.charge for frame in frozen_frames("water")] == [0, -1]


def test_frozen_geometries_say_where_they_come_from(shelf):
    with pytest.raises(ValueError, match="no shipped model 'watr'; shipped models: water"):
        frozen_frames("watr")
    with pytest.raises(FileNotFoundError, match=r"no such file: .*water\.test\.xyz"):
        frozen_frames("water")
    text = to_xyz(molecule("water"), "trajectory=1 temperature_k=300") + to_xyz(molecule("water"))
    (shelf / "water.test.xyz").write_text(text)
    with pytest.raises(ValueError, match=r"frame 2: expected trajectory= and temperature_k="):
        frozen_frames("water")


def test_what_ships_is_small_and_says_how_it_was_trained():
    for name in shipped_names():
        path = shipped_model(name)
        assert path.stat().st_size <= LARGEST
        with safe_open(path, framework="numpy") as file:
            assert all(tensor.startswith(".model.") for tensor in file.keys())  # noqa: SIM118
        model, frames = ql.load(path), frozen_frames(name)
        assert set(ABOUT) <= set(ql.about_model(path)) and len(frames) > 1
        for frame in frames:
            model.check(frame.molecule)


@pytest.mark.parametrize("spec", [later("pbe/def2-svp"), later("b3lyp5/6-31g*")])
def test_the_general_network_is_a_start_at_another_theory_too(spec):
    moved, geometry = ql.load("general").moved_to(spec), distorted("methanol")
    prepared = prepare(geometry, moved.theory)
    judge = float(ql.scf(geometry, spec).energy.total)
    predicted = float(predict(moved, geometry, prepared=prepared).energy.total)
    assert str(moved.theory) == spec and same_weights(moved, ql.load("general"))
    assert 0 < predicted - judge < 0.8 * (float(prepared.plain_energy) - judge)

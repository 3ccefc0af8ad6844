"""Run folders that hold anything at all: each is named with a reason, and the others are shown."""

import json
import os

import pytest
from hostile import DEEP, HISTORIES, HUGE, LOG, RUN, at, is_refused, run_with, without

from qptlab.errors import InputError
from qptlab.lab.panels.runs import ROWS, RunsPanel
from qptlab.qpt.runs.folder import CONFIG, HISTORY, RunFolder
from qptlab.qpt.runs.listing import damaged_runs, list_runs
from qptlab.qpt.sampling import sampler_from_json
from qptlab.qpt.training.config import StepLog, TrainConfig

CONFIGS = {
    "text for a batch": at("training.batch", "many"),
    "a seed that is true": at("training.seed", True),
    "minutes without end": at("training.minutes", float("inf")),
    "minutes of 400 digits": at("training.minutes", 10**400),
    "a rate that is no number": at("training.lr", float("nan")),
    "an unknown setting": at("training.turbo", 1),
    "a missing molecule": without("sampler.molecule"),
    "a molecule that is a number": at("sampler.molecule", 5),
    "a molecule of text": at("sampler.molecule.positions", [["a", "b", "c"]] * 3),
    "a charge that is a list": at("sampler.molecule.charge", [1]),
    "an unknown sampler": at("sampler.kind", ["wiggle"]),
    "a wiggle in words": at("sampler.sigma", "wide"),
    "a wiggle of 400 digits": at("sampler.sigma", 10**400),
    "seconds in words": at("seconds", "long"),
    "a rate in words": at("lr", "0.1"),
    "no rate": without("lr"),
    "another format": at("format", [1]),
    "no model": without("model"),
    "sizes that no memory holds": at("model.sizes.pair", HUGE),
    "layers that do not fit": at("model.sizes.layers", 7),
}


@pytest.mark.parametrize("change", CONFIGS.values(), ids=CONFIGS)
def test_a_run_with_other_settings_is_one_sentence(tmp_path, change):
    config = change(json.loads((RUN / CONFIG).read_text()))
    folder = run_with(tmp_path / "run", json.dumps(config))
    is_refused(RunFolder(folder).read, folder, "")


def test_settings_are_checked_where_people_write_them_too():
    for wrong in (
        {"lr": 10**400}, {"lr": float("nan")}, {"minutes": 10**400}, {"steps": 10**400},
        {"pool_gib": float("inf")}, {"geometries": 0}, {"seed": 2**32},
    ):  # fmt: skip
        with pytest.raises(InputError):
            TrainConfig(**wrong)


def test_a_sampler_of_vibrations_needs_as_many_modes_as_frequencies():
    molecule = json.loads((RUN / CONFIG).read_text())["sampler"]["molecule"]
    record = {
        "kind": "modes", "molecule": molecule, "frequencies": [0.01],
        "modes": [[[0.0, 0.0, 1.0]] * 3], "temperature_k": 300.0,
        "validation_temperature_k": 300.0, "classical": False,
    }  # fmt: skip
    assert sampler_from_json(record).frequencies.shape == (1,)
    for change in (
        at("frequencies", [0.01, 0.02]), at("modes", []), at("modes", [["x"]]),
        at("frequencies", [-1.0]), at("frequencies", []), at("classical", "no"),
    ):  # fmt: skip
        with pytest.raises((ValueError, TypeError)):  # the tests' own checks of shapes come first
            sampler_from_json(change(json.loads(json.dumps(record))))


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_a_damaged_history_is_cut_at_the_damage_and_said(tmp_path, history):
    whole = (RUN / HISTORY).read_bytes().split(b"\n")[:2]
    folder = run_with(tmp_path / "run", history=b"\n".join([*whole, b""]) + history)
    found = RunFolder(folder).read()
    assert len(found.history) == 2 and int(found.state.step) > 2
    said = f"{folder / HISTORY} is damaged at line 3: steps 3 to {int(found.state.step)} are no"
    assert found.message.startswith(said) and found.message.isprintable()


def test_one_damaged_run_leaves_the_others_on_the_page(tmp_path):
    config = (RUN / CONFIG).read_text()
    change = {name: json.dumps(edit(json.loads(config))) for name, edit in {
        "negative": at("seconds", -1.0), "endless": at("seconds", float("inf")),
        "wrong theory": at("model.theory", ["pbe"]), "wrong kind": at("model.kind", {}),
    }.items()}  # fmt: skip
    contents = {"half": "{", "binary": b"\xff\x00\xfe", "deep": DEEP, "list": "[]", "no": "null"}
    for name, content in (contents | change).items():
        run_with(tmp_path / name, content)
    for name, history in HISTORIES.items():
        run_with(tmp_path / f"history of {name}", history=history)
    (tmp_path / "a folder for settings" / CONFIG).mkdir(parents=True)
    (tmp_path / "loop").mkdir()
    os.symlink(CONFIG, tmp_path / "loop" / CONFIG)
    (tmp_path / "nowhere").mkdir()
    os.symlink("gone", tmp_path / "nowhere" / CONFIG)
    os.symlink("itself", tmp_path / "itself")
    (run_with(tmp_path / "no history") / HISTORY).unlink()
    (tmp_path / "no run").mkdir()
    (tmp_path / "a file").write_text("")
    wild = {**LOG, "val_error_ha": {"0": float("nan"), "3": 1e-3}, "energy": float("nan")}
    run_with(tmp_path / "not a number", history=json.dumps(wild) + "\n")
    run_with(tmp_path / "whole")
    (half,) = [run_with(tmp_path / "damaged further up", history=f"x\n{'y' * 70_000}\n")]
    with (half / HISTORY).open("a") as file:
        file.write(json.dumps(LOG) + "\n")

    shown = {tmp_path / name for name in ("whole", "not a number", "damaged further up")}
    for folder in shown:
        os.utime(folder / CONFIG)  # the page lists the latest

    runs, damaged = list_runs(tmp_path), damaged_runs(tmp_path)
    readable = {f"history of {name}" for name in HISTORIES}
    readable |= {"whole", "not a number", "damaged further up"}
    assert {run.folder.name for run in runs} == readable
    no_runs = {"no run", "a file"}
    everything = {path.name for path in tmp_path.iterdir()} - no_runs
    assert {run.folder.name for run in damaged} == everything - {run.folder.name for run in runs}
    assert all(run.reason.isprintable() and 3 < len(run.reason) < 700 for run in damaged)
    by_name = {run.folder.name: run.reason for run in damaged}
    assert by_name["deep"] == "config.json: it is nested too deeply"
    assert by_name["a folder for settings"] == "config.json: Is a directory"

    panel = RunsPanel(tmp_path, open_run=None)
    panel.shown = shown
    panel._read()
    panel._draw()
    assert len(panel.table.children) == 1 + ROWS
    said = panel.message.value
    assert f"{len(damaged)} cannot be read" in said and f"and {len(damaged) - 8} more" in said
    assert "&#39;damaged further up&#39; (history.jsonl is damaged at line 1)" in said
    assert {name for name, _, _ in panel._chosen()[0]} == {folder.name for folder in shown}


def test_a_place_that_may_not_be_looked_into_is_damaged(tmp_path, monkeypatch):
    run_with(tmp_path / "mine")
    run_with(tmp_path / "theirs")
    ask = os.lstat

    def refuse(path, **more):
        if "theirs" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return ask(path, **more)

    monkeypatch.setattr("qptlab.qpt.runs.listing.os.lstat", refuse)
    assert [run.folder.name for run in list_runs(tmp_path)] == ["mine"]
    assert [run.reason for run in damaged_runs(tmp_path)] == ["config.json: Permission denied"]


def test_a_step_that_is_none_is_refused():
    for wrong in (None, 5, [], {}, {**LOG, "samples": 10**400}, {**LOG, "lr": "x"}):
        with pytest.raises(InputError):
            StepLog.from_json(wrong)
    assert StepLog.from_json({**LOG, "energy": float("nan")}).step == LOG["step"]

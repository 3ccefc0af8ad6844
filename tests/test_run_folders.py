"""Run folders as files: one writer at a time, saves that are whole, damage that is named."""

import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from qptlab.cli import main
from qptlab.errors import InputError
from qptlab.files import replace_file
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.runs.folder import CONFIG, PREVIOUS, STATE, RunFolder, is_free
from qptlab.qpt.runs.history import HISTORY, lines_of
from qptlab.qpt.runs.lock import LOCK, WriterLock
from qptlab.qpt.runs.models import load, save_model
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import StepLog
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.timer import Timer

TRAIN = ["train", "hydrogen", "--theory", "lda/sto-3g", "--steps", "1", "--out"]


def new_run(out=None) -> Training:
    hydrogen = molecule("hydrogen")
    model = BlockQPT.create(hydrogen, "lda/sto-3g", token=8, pair=4, layers=1)
    return Training(model, wiggle(hydrogen), out=out)


def at(run: Training, step: int) -> Training:
    """The run as if it had come to a step, without computing any."""
    state = run.state
    run.state = type(state)(state.model, state.opt_state, state.step * 0 + step)
    run.history = [StepLog(i, -0.1, -1.0, None, 1e-3, float(i), i) for i in range(1, step + 1)]
    return run


@pytest.fixture
def saved(tmp_path) -> Path:
    """A run saved at steps 2 and 4."""
    run = new_run(tmp_path / "run")
    for step in (2, 4):
        at(run, step).save(tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def test_a_folder_has_one_writer_and_any_number_of_readers(saved, capsys):
    with WriterLock(saved).held():
        before = sorted(saved.iterdir())
        said = rf"run is being written by another training \(process {os.getpid()} on .*\); stop it"
        for second in (new_run(), Training.resume(saved)):
            with pytest.raises(InputError, match=said):
                second.save(saved)
        with pytest.raises(InputError, match=said):
            next(iter(Training.resume(saved)))
        for more in ([], ["--resume"]):
            assert main([*TRAIN, str(saved), *more]) == 2
            shown = capsys.readouterr().err
            assert "is being written by another training" in shown and shown.count("\n") == 1
        assert load(saved).made_for == ("H",) and sorted(saved.iterdir()) == before
    assert not (saved / LOCK).exists()
    Training.resume(saved).save(saved)


def test_a_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from qptlab.qpt.runs.lock import WriterLock\n"
        "with WriterLock(Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match=f"process {other.pid} on"),
            WriterLock(tmp_path / "run").held(),
        ):
            pass
        other.kill()
    assert is_free(tmp_path / "run")
    with WriterLock(tmp_path / "run").held():
        pass


def test_a_lock_leaves_nothing_where_nothing_was_written(tmp_path):
    with WriterLock(tmp_path / "a" / "b").held():
        assert (tmp_path / "a" / "b" / LOCK).is_file()
    assert not list(tmp_path.iterdir())


def test_a_run_that_another_has_gone_on_with_is_not_written_over(saved):
    first, second = Training.resume(saved), Training.resume(saved)
    at(second, 5).save(saved)
    with pytest.raises(InputError, match="was written by another training since; go on with that"):
        next(iter(first))
    with pytest.raises(InputError, match=r"run holds a run; go on with that \(Training.resume\)"):
        next(iter(new_run(saved)))
    assert int(Training.resume(saved).state.step) == 5


def test_a_save_that_was_stopped_is_the_one_before_or_none(tmp_path, saved):
    begun = tmp_path / "begun"
    begun.mkdir()
    for name in (HISTORY, CONFIG, f"{STATE}.partial", LOCK):
        (begun / name).write_text("{")
        assert is_free(begun)
    with pytest.raises(InputError, match="begun is not a run folder"):
        RunFolder(begun).read()
    at(new_run(begun), 1).save(begun)
    assert int(RunFolder(begun).read().state.step) == 1
    assert not is_free(begun) and not is_free(saved)
    # a history that is ahead of its state
    later = [StepLog(i, -0.1, -1.0, None, 1e-3, float(i), i) for i in (5, 6)]
    with (saved / HISTORY).open("ab") as file:
        file.write(lines_of(later)[:-9])
    run = Training.resume(saved)
    assert [log.step for log in run.history] == [1, 2, 3, 4] and not run.message
    assert run.clock.before == 4.0


def test_damaged_weights_are_refused_and_the_save_before_is_gone_on_with(saved, capsys):
    flip(saved / STATE, -100)
    said = f"{saved / STATE} is damaged: its content does not match its checksum; the save before "
    said += f"it is kept: rename {saved / PREVIOUS} to {STATE} to go on from there"
    for refused in (Training.resume, load):
        with pytest.raises(InputError) as error:
            refused(saved)
        assert str(error.value) == said
    assert main([*TRAIN, str(saved), "--resume"]) == 2
    assert capsys.readouterr().err == f"qptlab train: {said}\n"
    assert load(saved / PREVIOUS).made_for == ("H",)
    os.replace(saved / PREVIOUS, saved / STATE)
    run = Training.resume(saved)
    assert int(run.state.step) == 2 and [log.step for log in run.history] == [1, 2]
    flip(saved / CONFIG, (saved / CONFIG).read_bytes().index(b"0.05"))
    with pytest.raises(InputError, match=r"config.json is damaged: .* checksum"):
        Training.resume(saved)


def test_a_model_file_is_checked_too(tmp_path):
    save_model(new_run().model, tmp_path / "model", {})
    assert load(tmp_path / "model").made_for == ("H",)
    flip(tmp_path / "model", -10)
    with pytest.raises(InputError, match="model is damaged"):
        load(tmp_path / "model")


@pytest.mark.parametrize("place, sound", [(30, 0), (-2, 3), (-40, 3)])
def test_a_damaged_history_is_cut_and_said(saved, place, sound):
    flip(saved / HISTORY, place)
    run = Training.resume(saved)
    assert len(run.history) == sound and int(run.state.step) == 4
    assert f"{HISTORY} is damaged at line {sound + 1}: steps {sound + 1} to 4 are" in run.message
    at(run, 5).save(saved)
    assert not Training.resume(saved).message


def test_a_step_that_is_interrupted_was_not_taken(monkeypatch):
    run = at(new_run(), 1)

    def interrupted(*_):
        at(run, 2).history.pop()
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run._one_step([], Timer(0.0, None, validates=False), 0.0)
    assert int(run.state.step) == len(run.history) == 1


@pytest.mark.parametrize("place", ["/proc/run", "/sys/run", "/dev/full", "/dev/full/run", "{file}"])
@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_a_place_that_cannot_be_written_is_refused_before_training(place, more, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    place = place.format(file=tmp_path / "file")
    assert main([*TRAIN, place, *more]) == 2
    shown = capsys.readouterr().err
    assert place in shown and shown.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_names_the_file_and_leaves_the_last_save(saved):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = at(Training.resume(saved), 6)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match=str(saved / STATE)):
            run.save(saved)
        with pytest.raises(OSError, match=f"File too large: '{saved / 'other'}'"):
            replace_file(saved / "other", bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(before) == sorted(path.name for path in saved.iterdir())
    assert (saved / STATE).read_bytes() == before[STATE]
    assert int(Training.resume(saved).state.step) == 4
    run.save(saved)
    assert int(Training.resume(saved).state.step) == 6


def test_a_file_is_written_whole_links_and_devices_stay(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    replace_file(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    with pytest.raises(OSError, match="/dev/full"):
        replace_file("/dev/full", bytes(io.DEFAULT_BUFFER_SIZE))
    assert Path("/dev/full").is_char_device()
    for place in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError, match=str(place)):
            replace_file(place, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]

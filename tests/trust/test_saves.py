"""A save is all or nothing: stopped anywhere, damaged anywhere, a run is gone on with or named.

`tests/test_run_folders.py` has a few cases of each kind for every day.
"""

import builtins
import functools
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from qptlab.errors import InputError
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.runs.folder import CONFIG, PREVIOUS, STATE, RunFolder, RunRecord, is_free
from qptlab.qpt.runs.history import HISTORY
from qptlab.qpt.runs.network_files import is_run
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.state import first_state
from qptlab.qpt.training.timer import Clock

pytestmark = pytest.mark.trust
KILLS = 30
TRAIN = ["train", "hydrogen", "--theory", "lda/sto-3g", "--minutes", "5"]


@functools.cache
def first_record() -> RunRecord:
    """A run on hydrogen with no step yet: nothing is computed."""
    hydrogen = molecule("hydrogen")
    model = BlockQPT.create(hydrogen, "lda/sto-3g", token=8, pair=4, layers=1)
    return RunRecord(first_state(model), wiggle(hydrogen), TrainConfig(), 1e-3, Clock(), [])


def record_at(step: int) -> RunRecord:
    """That run at a step; its weights say which."""
    first = first_record()
    state = jax.tree.map(lambda x: np.full_like(x, step) if hasattr(x, "shape") else x, first.state)
    logs = [StepLog(i, -0.1, -1.0, {0: 1e-3}, 1e-3, float(i), i) for i in range(1, step + 1)]
    return replace(first, state=state, history=logs)


def check(folder: Path, steps: set[int]) -> None:
    """The folder holds a save of one of these steps, whole; with 0 among them, perhaps none."""
    if is_free(folder):
        assert 0 in steps
        return
    there = RunFolder(folder).read()
    step = int(there.state.step)
    assert step in steps and not there.message
    assert [log.step for log in there.history] == [*range(1, step + 1)]
    assert there.clock.before == there.history[-1].seconds
    leaves = jax.tree.leaves(there.state)
    assert all(np.all(np.asarray(leaf) == step) for leaf in leaves if hasattr(leaf, "shape"))


class Snapshots:
    """Copies of a folder before and after every call that changes it, and amid every write."""

    CALLS = "replace", "link", "unlink", "fsync", "mkdir", "rename"

    def __init__(self, folder: Path, place: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._place, self._busy, self.taken = folder, place, False, []
        for name in self.CALLS:
            patch.setattr(os, name, self._around(getattr(os, name)))
        opened = self._opening(open)
        for module in (builtins, io):  # pathlib's is the second
            patch.setattr(module, "open", opened)

    def take(self) -> None:
        if self._busy or not self._folder.exists():
            return
        self._busy = True  # copying makes calls too
        self.taken.append(self._place / str(len(self.taken)))
        shutil.copytree(self._folder, self.taken[-1])
        self._busy = False

    def _around(self, call):
        def wrapped(*args, **more):
            self.take()
            try:
                return call(*args, **more)
            finally:
                self.take()

        return wrapped

    def _opening(self, call):
        def opened(file, mode="r", *args, **more):
            stream = call(file, mode, *args, **more)
            mine = isinstance(file, str | Path) and Path(file).parent == self._folder
            return _Stream(stream, self.take) if mine and set(mode) & set("wa+") else stream

        return opened


class _Stream:
    """A file whose writes are done in two parts, with a look after each."""

    def __init__(self, stream, look) -> None:
        self._stream, self._look = stream, look

    def write(self, content):
        half = len(content) // 2
        for part in (content[:half], content[half:]):
            self._stream.write(part)
            self._stream.flush()
            self._look()
        return len(content)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stream.close()


def test_a_save_can_stop_anywhere(tmp_path, monkeypatch):
    run, n_taken = tmp_path / "run", 0
    folder = RunFolder(run)
    for before, step in [(0, 2), (2, 5), (5, 6), (6, 7)]:
        with monkeypatch.context() as patch:
            place = tmp_path / f"save{step}"
            place.mkdir()
            snapshots = Snapshots(run, place, patch)
            folder.write(record_at(step))
        check(run, {step})
        n_taken += len(snapshots.taken)
        for number, copy in enumerate(snapshots.taken):
            check(copy, {before, step})
            if number % 5 == 0:  # and it is written on
                RunFolder(copy).write(record_at(step + 1))
                check(copy, {step + 1})
    assert n_taken >= 100


def test_a_save_of_a_resumed_run_can_stop_anywhere(tmp_path, monkeypatch):
    RunFolder(tmp_path / "run").write(record_at(3))
    folder = RunFolder(tmp_path / "run")
    folder.read()
    (tmp_path / "copies").mkdir()
    with monkeypatch.context() as patch:
        snapshots = Snapshots(tmp_path / "run", tmp_path / "copies", patch)
        folder.write(record_at(4))
    assert len(snapshots.taken) >= 20
    for copy in snapshots.taken:
        check(copy, {3, 4})


def flipped(content: bytes, rng: random.Random) -> bytes:
    place, bit = rng.randrange(len(content)), rng.randrange(8)
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@pytest.fixture
def saved(tmp_path) -> Path:
    """A run saved at steps 4 and 6."""
    folder = RunFolder(tmp_path / "run")
    for step in (4, 6):
        folder.write(record_at(step))
    return tmp_path / "run"


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_damaged_weights_are_refused_by_name_and_the_save_before_is_there(saved, damage):
    whole, rng = (saved / STATE).read_bytes(), random.Random(0)
    held = 0
    for _ in range(100):
        broken = flipped(whole, rng) if damage == "flipped" else whole[: rng.randrange(len(whole))]
        (saved / STATE).write_bytes(broken)
        try:
            there = RunFolder(saved).read()
        except InputError as error:
            assert str(saved / STATE) in str(error) and "\n" not in str(error)
            assert f"rename {saved / PREVIOUS} to {STATE}" in str(error)
            continue
        held += 1  # a blank, or the name of the checksum itself
        check(saved, {6})
        assert int(there.state.step) == 6
    assert held <= 10
    os.replace(saved / PREVIOUS, saved / STATE)  # as the sentence says
    check(saved, {4})


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_a_damaged_history_is_cut_at_the_damage_and_said(saved, damage):
    whole, rng = (saved / HISTORY).read_bytes(), random.Random(1)
    lines = whole.splitlines(keepends=True)
    for _ in range(100):
        place = rng.randrange(len(whole))
        broken = whole[:place]
        if damage == "flipped":
            broken += bytes([whole[place] ^ 1 << rng.randrange(8)]) + whole[place + 1 :]
        (saved / HISTORY).write_bytes(broken)
        there = RunFolder(saved).read()
        sound = next(i for i in range(6) if sum(map(len, lines[: i + 1])) > place)
        assert [log.step for log in there.history] == [*range(1, sound + 1)]
        assert f"{saved / HISTORY} is damaged at line {sound + 1}" in there.message
        assert int(there.state.step) == 6


def test_damaged_settings_are_refused_by_name(saved):
    whole, rng = (saved / CONFIG).read_bytes(), random.Random(2)
    for _ in range(100):
        (saved / CONFIG).write_bytes(flipped(whole, rng))
        try:
            there = RunFolder(saved).read()
        except InputError as error:
            assert str(saved) in str(error) and "\n" not in str(error)
        else:  # a blank that became another
            assert there.sampler == first_record().sampler


def killed_run(out: Path, early: bool, seconds: float) -> None:
    """`qptlab train`, killed so long after its folder was taken, or else after its first save."""
    more = ["--resume"] if is_run(out) else []
    command = [sys.executable, "-c", FREQUENT, *TRAIN, "--out", str(out), *more]
    awaited = out / (".lock" if early else STATE)
    began = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (awaited.exists() and awaited.stat().st_mtime > began):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


FREQUENT = (  # saved after every step: most kills then meet a save
    "import sys; import qptlab.qpt.training.run as run; run.SAVE_EVERY = 0.0; "
    "from qptlab.cli import main; sys.exit(main(sys.argv[1:]))"
)


def test_a_killed_training_is_gone_on_with(tmp_path):
    rng, out, steps = random.Random(3), tmp_path / "run", [0]
    for number in range(KILLS):
        early = number % 6 == 0
        killed_run(out, early, rng.uniform(0.0, 3.0 if early else 1.0))
        if early and is_free(out):
            continue
        run = Training.resume(out)
        step = int(run.state.step)
        assert not run.message and step >= steps[-1] + (0 if early else 1)
        assert [log.step for log in run.history] == [*range(1, step + 1)]
        steps.append(step)

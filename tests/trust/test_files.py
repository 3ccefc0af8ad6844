"""Hostile files by the hundred: whatever a model file or a run folder holds, one sentence says so.

Hypothesis damages a whole one: bytes of the file, values of its description, lines of its history.
"""

import json
import shutil
import struct
import tempfile
from pathlib import Path

import pytest
from hostile import RUN, described, model_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qptlab.errors import LONGEST_SENTENCE, InputError
from qptlab.lab.panels.runs import RunsPanel
from qptlab.qpt.networks.base import Network
from qptlab.qpt.runs.folder import CONFIG, HISTORY, STATE, RunFolder
from qptlab.qpt.runs.listing import damaged_runs, list_runs
from qptlab.qpt.runs.models import load

pytestmark = pytest.mark.trust
TRIED = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**9, 10**19, 10**400, -1, 0, 2**31])
LEAVES = NUMBERS | st.none() | st.booleans() | st.text() | st.sampled_from(["H", "x" * 10**6])
JSON = st.recursive(
    LEAVES, lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside), max_leaves=8
)


def places(record: object, here: tuple = ()) -> list[tuple]:
    """Where something stands in JSON: the keys on the way to it."""
    inside = record.items() if isinstance(record, dict) else ()
    inside = enumerate(record) if isinstance(record, list) else inside
    return [here, *(place for key, value in inside for place in places(value, (*here, key)))]


@st.composite
def damaged(draw, record):
    """The record with one to three values replaced, or left out."""
    record = json.loads(json.dumps(record))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(record)))
        if not place:
            return draw(JSON)
        inside = record
        for key in place[:-1]:
            inside = inside[key]
        if draw(st.integers(0, 4)):
            inside[place[-1]] = draw(JSON)
        else:
            del inside[place[-1]]
    return record


@st.composite
def damaged_bytes(draw, data):
    """The bytes cut short, or with some of them replaced, most of them near the front."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, 3000) | st.integers(0, len(data) - 1))
        data[min(at, len(data) - 1)] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.just(len(data)) | st.integers(0, len(data)))])


def is_read_or_refused(action) -> None:
    """A result, or one short sentence; nothing else."""
    try:
        action()
    except InputError as error:
        assert str(error).isprintable() and 0 < len(str(error)) <= LONGEST_SENTENCE


def loaded(path: Path) -> None:
    assert isinstance(load(path), Network)


@TRIED
@given(text=damaged(described()).map(json.dumps) | st.text() | JSON.map(json.dumps))
def test_a_damaged_description(text):
    with tempfile.TemporaryDirectory() as folder:
        path = model_file(Path(folder) / "a.safetensors", text)
        is_read_or_refused(lambda: loaded(path))


@TRIED
@given(data=damaged_bytes((RUN / STATE).read_bytes()))
def test_a_damaged_model_file(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        path.write_bytes(data)
        is_read_or_refused(lambda: loaded(path))


@TRIED
@given(size=st.integers(0, 2**64 - 1), header=st.binary(max_size=200) | JSON.map(json.dumps))
def test_a_header_that_says_anything(size, header):
    with tempfile.TemporaryDirectory() as folder:
        path, text = Path(folder) / "a.safetensors", header
        text = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        for length in (size, len(text)):
            path.write_bytes(struct.pack("<Q", length) + text)
            is_read_or_refused(lambda: loaded(path))


CONFIG_TEXT, HISTORY_TEXT = ((RUN / name).read_bytes() for name in (CONFIG, HISTORY))
LOG = json.loads(HISTORY_TEXT.splitlines()[-1])


@settings(TRIED, max_examples=60)  # each draws the page
@given(
    config=damaged(json.loads(CONFIG_TEXT)).map(lambda record: json.dumps(record).encode())
    | damaged_bytes(CONFIG_TEXT)
    | st.just(CONFIG_TEXT),
    history=damaged(LOG).map(lambda record: json.dumps(record).encode() + b"\n")
    | damaged_bytes(HISTORY_TEXT)
    | st.binary()
    | st.just(HISTORY_TEXT),
)
def test_a_damaged_run_folder(config, history):
    with tempfile.TemporaryDirectory() as place:
        whole, folder = Path(place) / "whole", Path(place) / "damaged"
        for path in (whole, folder):
            shutil.copytree(RUN, path)
        (folder / CONFIG).write_bytes(config)
        (folder / HISTORY).write_bytes(history)
        is_read_or_refused(RunFolder(folder).read)
        runs, unread = list_runs(place), damaged_runs(place)
        assert {run.folder for run in (*runs, *unread)} == {whole, folder}
        assert whole in {run.folder for run in runs}
        panel = RunsPanel(Path(place), open_run=None)
        panel.shown = {whole, folder}
        panel._read()
        panel._draw()
        assert len(panel.table.children) == 1 + len(runs)

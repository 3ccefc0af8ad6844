"""Model files and run folders that hold anything at all, made from one that is whole."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from qptlab.errors import InputError
from qptlab.qpt.runs.folder import CONFIG, HISTORY, STATE

RUN = Path(__file__).parent / "data" / "run_before"
DEEP = "[" * 10**5 + "]" * 10**5
HUGE = 10**9


def at(place, value):
    """A change of a description: this value at this place."""

    def change(description):
        *above, last = place.split(".")
        inside = description
        for name in above:
            inside = inside[name]
        inside[last] = value
        return description

    return change


def without(place):
    def change(description):
        *above, last = place.split(".")
        inside = description
        for name in above:
            inside = inside[name]
        del inside[last]
        return description

    return change


def described() -> dict:
    """What the run says of its network."""
    return json.loads((RUN / CONFIG).read_text())["model"]


def model_file(path: Path, text: str) -> Path:
    """The weights of a run with another description, written byte by byte."""
    data = (RUN / STATE).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"] = {"qptlab": text}
    written = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(written)) + written + data[8 + size :])
    return path


def is_refused(action, path, words):
    with pytest.raises(InputError) as caught:
        action()
    said = str(caught.value)
    assert said.startswith(str(path)) and words in said and said.isprintable()
    assert len(said) < 700


def run_with(folder: Path, config: str | bytes | None = None, history: str | bytes | None = None):
    """A copy of a run with another config or history."""
    shutil.copytree(RUN, folder)
    for name, content in ((CONFIG, config), (HISTORY, history)):
        if content is not None:
            data = content if isinstance(content, bytes) else content.encode()
            (folder / name).write_bytes(data)
    return folder


LOG = json.loads((RUN / HISTORY).read_text().splitlines()[-1])
HISTORIES = {
    "garbage": b"garbage\n",
    "bytes": bytes(range(256)) + b"\n",
    "a list": b"[1, 2]\n",
    "nested": b"[" * 30_000 + b"\n",
    "a step in words": json.dumps({**LOG, "step": "seven"}).encode() + b"\n",
    "errors in words": json.dumps({**LOG, "val_error_ha": {"0": "small"}}).encode() + b"\n",
    "errors in a list": json.dumps({**LOG, "val_error_ha": [1]}).encode() + b"\n",
    "an unknown field": json.dumps({**LOG, "turbo": 1}).encode() + b"\n",
}

"""What a training has freed goes back to the system, however long it goes on."""

import sys

import numpy as np
import psutil
import pytest

from qptlab.qpt.training import geometries
from qptlab.qpt.training.geometries import PreparedStream
from qptlab.qpt.training.pool import give_back_memory


def resident() -> int:
    """Bytes of this process in memory."""
    return psutil.Process().memory_info().rss


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc can be told to")
def test_what_lies_below_something_in_use_is_given_back():
    arrays = [np.ones(12_000) for _ in range(1000)]  # small enough for the heap
    newest = arrays.pop()
    arrays.clear()
    before = resident()
    give_back_memory()
    assert before - resident() > 0.8 * 999 * newest.nbytes


def test_a_stream_gives_back_what_its_geometries_leave(monkeypatch):
    calls = []
    monkeypatch.setattr(geometries, "give_back_memory", lambda: calls.append(1))
    stream = PreparedStream(lambda i: i, window=5, reuse=1, seed=0)
    seen = max(stream.draw(1)[0] for _ in range(300))
    stream.close()
    assert seen // stream.TIDY_EVERY <= len(calls) <= (seen + 8) // stream.TIDY_EVERY

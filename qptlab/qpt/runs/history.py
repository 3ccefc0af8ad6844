"""The history of a run: one `StepLog` per line, as JSON, with a checksum of the line.

Lines of earlier versions have no checksum.
"""

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from qptlab.qpt.descriptions import parsed, read_small
from qptlab.qpt.training.config import StepLog

HISTORY = "history.jsonl"
TAIL_BYTES = 1 << 16
"""Of a history: enough for its last validation in most runs."""
_MARK = b', "crc": "'


def lines_of(logs: Iterable[StepLog]) -> bytes:
    """The lines of a history, each with its end."""
    return b"".join(map(_line, logs))


def read_history(folder: str | os.PathLike) -> list[StepLog]:
    """The steps a run logged, in order, as far as they can be read."""
    return read_lines(folder)[0]


def read_lines(folder: str | os.PathLike) -> tuple[list[StepLog], int]:
    """The same, and how many lines there are: more than steps where one is damaged."""
    path = Path(folder) / HISTORY
    lines = read_small(path).split(b"\n")[:-1] if path.is_file() else []
    return _sound(lines), len(lines)


def last_logs(folder: Path) -> list[StepLog]:
    """The last steps of a history, as far as they can be read."""
    path = folder / HISTORY
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - TAIL_BYTES)
        file.seek(start)
        lines = file.read(TAIL_BYTES).split(b"\n")
    # the first may be cut by the seek, the last by a crash
    return _sound(lines[1 if start else 0 : -1])


def damage(folder: Path, known: list[StepLog], step: int) -> str:
    """What is wrong with the history of a state at `step`, in one sentence; "" if nothing is."""
    last = known[-1].step if known else 0
    if last >= step:
        return ""
    return (
        f"{folder / HISTORY} is damaged at line {len(known) + 1}: steps {last + 1} to {step} are "
        "no longer in the history; the weights are those of the last save"
    )


def _sound(lines: Iterable[bytes]) -> list[StepLog]:
    """The steps before the first line that is damaged."""
    logs: list[StepLog] = []
    for line in lines:
        try:
            log = _log(line)
            if logs and log.step <= logs[-1].step:
                break
        except (ValueError, TypeError, KeyError, AttributeError):
            break
        logs.append(log)
    return logs


def _line(log: StepLog) -> bytes:
    text = json.dumps(log.to_json()).encode()[:-1]
    return text + _MARK + f'{zlib.crc32(text):08x}"}}\n'.encode()


def _log(line: bytes) -> StepLog:
    record, text = parsed(line), line.rpartition(_MARK)[0]
    if record.pop("crc", None) not in (None, f"{zlib.crc32(text):08x}"):
        raise ValueError("another checksum")
    return StepLog.from_json(record)

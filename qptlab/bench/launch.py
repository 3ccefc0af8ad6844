"""A measurement runs in a process of its own, with its threads and environment known."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from qptlab.bench.options import Options, usable_cores
from qptlab.children import child

THREAD_COUNTS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
CACHE_SETTING = re.compile(r"JAX_(ENABLE_)?(COMPILATION|PERSISTENT)_CACHE")
QUIET_POOLS = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Threads with nothing to do sleep instead of spinning.

Otherwise those of OpenBLAS and OpenMP go on spinning after a call of PySCF (up to 0.06 s of CPU
time in the 0.1 s that follow, on two busy cores) and slow whoever comes next. Both
sides are measured under the same setting; one that the environment already has is kept.
"""


def measure(options: Options) -> dict:
    """The report of a bench: machine, rows and summary.

    Raises:
        CalledProcessError: the measuring process failed; it said why on stderr.
    """
    return json.loads(run_apart("qptlab.bench.worker", [json.dumps(asdict(options))], options))


def run_apart(module: str, arguments: list[str], options: Options) -> str:
    """The last line that `python -m module arguments` prints, run on `options.threads` cores."""
    return _run(["-m", module, *arguments], options, {"JAX_ENABLE_COMPILATION_CACHE": "false"})


def run_alone(file: Path, job: dict, options: Options, caches: Path) -> dict:
    """The JSON object that a file of source text prints, which imports nothing by itself.

    Args:
        job: what it is given, after the time at which it was started.
        caches: the user's cache folder, in which qptlab keeps compiled programs.
    """
    # as qptlab keeps them for a user who has set nothing
    unset = dict.fromkeys(name for name in os.environ if CACHE_SETTING.match(name))
    settings = {"XDG_CACHE_HOME": str(caches), **unset}
    source = file.read_text(encoding="utf-8")
    return json.loads(
        _run(["-c", source, str(time.monotonic()), json.dumps(job)], options, settings)
    )


def _run(arguments: list[str], options: Options, settings: dict[str, str | None]) -> str:
    """The last line that Python prints, with these settings in its environment, None for none."""
    environment = {
        **QUIET_POOLS,
        **os.environ,
        **dict.fromkeys(THREAD_COUNTS, str(options.threads)),
        **settings,
    }
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [sys.executable, *arguments]
    with (
        _on_cores(options.threads),
        child(command, env=environment, stdout=subprocess.PIPE, text=True) as process,
    ):
        printed, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed.splitlines()[-1]


@contextlib.contextmanager
def _on_cores(count: int) -> Iterator[None]:
    """A process started here may use that many cores: XLA makes as many threads."""
    cores = usable_cores()
    if count == len(cores):
        yield
        return
    os.sched_setaffinity(0, cores[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)

"""A measurement runs in a process of its own, with its threads and environment known."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

from qptlab.bench.options import Options, usable_cores
from qptlab.children import child

THREAD_COUNTS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
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
    environment = {
        **QUIET_POOLS,
        **os.environ,
        **dict.fromkeys(THREAD_COUNTS, str(options.threads)),
        "JAX_ENABLE_COMPILATION_CACHE": "false",
    }
    command = [sys.executable, "-m", module, *arguments]
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

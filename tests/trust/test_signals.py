"""Signals end `qptlab` and all that it started, without a traceback, and a training is kept."""

import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest
from jupyter_client import BlockingKernelClient

from qptlab.qpt.training.run import Training

pytestmark = [pytest.mark.trust, pytest.mark.skipif(sys.platform != "linux", reason="signals")]
QPTLAB = [sys.executable, "-m", "qptlab"]
SCRIPT = [sys.executable, "-c", "import sys; sys.argv[0] = 'qptlab'\nfrom qptlab.cli import main\n"
          "sys.exit(main())"]  # fmt: skip
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def started(command: list[str], **options) -> subprocess.Popen:
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("program", [QPTLAB, SCRIPT], ids=["module", "script"])
def test_a_signal_at_any_time_is_a_line_at_most(program):
    rng = random.Random(0)
    for number in range(30):
        signum = [*STATUS][number % 3]
        process = started([*program, "energy", "alanine-dipeptide"], stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.0, 5.0))
        process.send_signal(signum)
        _, said = process.communicate(timeout=120)
        # before Python has started, the system ends it
        assert process.returncode in (STATUS[signum], -signum), said
        # what the calculation said before does not count
        lines = [x for x in said.splitlines() if not x.startswith(("C6H12N2O2", "build "))]
        assert len(lines) <= 1 and "Traceback" not in said, said


@pytest.mark.parametrize("signum", STATUS)
def test_a_training_is_kept(tmp_path, signum):
    out = tmp_path / "run"
    command = [*QPTLAB, "train", "hydrogen", "--theory", "lda/sto-3g", "--out", str(out), "--json"]
    process = started(command, stdout=subprocess.PIPE)
    first = next(line for line in process.stderr if "step" in line)
    assert first
    process.send_signal(signum)
    process.send_signal(signum)  # as `timeout` and terminals do
    printed, said = process.communicate(timeout=60)
    assert process.returncode == STATUS[signum]
    assert "Traceback" not in said and f"; the run is kept in {out}\n" in said
    run = Training.resume(out)
    assert int(run.state.step) == len(run.history) == json.loads(printed)["steps"] > 0
    assert not (out / ".lock").exists()


@pytest.mark.parametrize("signum", [*STATUS, signal.SIGKILL])
def test_the_lab_ends_with_its_kernels(tmp_path, signum):
    names = "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME"
    private = dict.fromkeys(names, str(tmp_path)) | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [*QPTLAB, "lab", "--no-browser", str(tmp_path / "notebooks")]
    with open(tmp_path / "log", "w") as log:
        lab = subprocess.Popen(command, stderr=log, env={**os.environ, **private})
    address = wait_for(lambda: re.search(r"http://127\S+token=\w+", (tmp_path / "log").read_text()))
    base, token = re.fullmatch(r"(.*?)/doc/.*token=(.*)", address.group()).groups()
    begin_busy_kernel(base, token, tmp_path)
    family = psutil.Process(lab.pid).children(recursive=True)
    assert len(family) >= 2
    lab.send_signal(signum)
    _, alive = psutil.wait_procs(family, timeout=10)
    for process in alive:
        process.kill()
    assert not alive
    assert lab.wait(10) == STATUS.get(signum, -signum)


def begin_busy_kernel(base: str, token: str, runtime) -> None:
    """A kernel that computes for ever."""
    header = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{base}/api/kernels", b'{"name": "python3"}', header)
    wait_for(lambda: urllib.request.urlopen(asked, timeout=60).read())
    client = BlockingKernelClient()
    client.load_connection_file(wait_for(lambda: glob.glob(f"{runtime}/kernel-*.json"))[0])
    client.start_channels()
    client.wait_for_ready(60)
    client.execute("while True: sum(range(10**6))")
    client.stop_channels()


def wait_for(look, seconds: float = 60.0):
    """What `look()` gives, once it gives something."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := look():
                return found
        except OSError:
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_bench_leaves_no_process():
    bench = started([*QPTLAB, "bench", "agreement", "--cases", "water"], stdout=subprocess.DEVNULL)
    family = wait_for(lambda: psutil.Process(bench.pid).children(recursive=True))
    bench.send_signal(signal.SIGTERM)
    assert not psutil.wait_procs(family, timeout=10)[1]
    assert bench.wait(10) == 143
    assert bench.stderr.read().splitlines()[-1] == "qptlab bench: stopped by SIGTERM"
    bench.stderr.close()

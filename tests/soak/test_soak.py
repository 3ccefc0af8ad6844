"""An hour of training with the panel open in a real browser: nothing may grow or slow down."""

import json
import os
import time
from dataclasses import asdict, dataclass

import numpy as np
import psutil
import pytest
from browser.lab_driver import Notebook
from soak.steadiness import WHOLE_MINUTES, change, limit

pytestmark = pytest.mark.soak
MINUTES = float(os.environ.get("QPTLAB_SOAK_MINUTES", "60"))
EVERY_S = min(20.0, MINUTES)
"""Seconds between samples; a short trial needs more of them."""
MB = 1e6


@dataclass(frozen=True)
class Sample:
    """What is measured at one moment; memory in MB.

    Attributes:
        seconds: since the first sample.
        kernel: resident memory of the kernel and its children. browser: of all of Chromium, where
            pictures and WebGL's textures are. tab: live JavaScript objects of the tab.
        threads, files: of the kernel, files including sockets and pipes.
        notebook: size of the saved notebook.
        step: of the training. cpu: seconds of processor time of the kernel.
    """

    seconds: float
    kernel: float
    browser: float
    tab: float
    threads: int
    files: int
    notebook: float
    step: int
    cpu: float


@pytest.fixture(autouse=True, scope="module")
def compiled_as_for_users():
    """Steps as quick as they are outside the tests: an hour has the more of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JAX_DISABLE_MOST_OPTIMIZATIONS", "XLA_FLAGS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def training(compiled_as_for_users, jupyterlab, offline_page):
    """workbench.ipynb with a training on water without end, its first steps taken."""
    notebook = Notebook(offline_page, jupyterlab, "workbench.ipynb")
    notebook.run_all()
    notebook.wait_until_run(seconds=600)
    assert notebook.errors() == []
    offline_page.locator(".qptlab").first.evaluate("panel => panel.scrollIntoView()")
    notebook.choose_basis("sto-3g")
    offline_page.get_by_role("button", name="Settings").click()
    offline_page.locator(".qptlab-train-for select").select_option("no limit")
    notebook.press("Start")
    notebook.wait_for_step(100, seconds=600)
    yield notebook
    notebook.press("Stop")
    notebook.wait_for_status("stopped", seconds=120)
    assert notebook.errors() == []


def test_an_hour_of_training_changes_nothing_but_the_network(training, artifacts, capsys):
    begin, samples = time.monotonic(), []
    while time.monotonic() - begin < 60 * MINUTES:
        samples.append(sample(training, begin))
        kept = json.dumps([asdict(one) for one in samples], indent=1)
        (artifacts / "soak.json").write_text(kept)  # now: a soak that is interrupted says something
        time.sleep(EVERY_S)
    found = {name: change(*series) for name, series in quantities(samples).items()}
    with capsys.disabled():
        print(f"\n{heading(samples)}")
        for name, (start, end, share) in found.items():
            print(f"{name}: {start:.4g} to {end:.4g}, {100 * share:+.1f} %")
    assert {name for name, (*_, share) in found.items() if abs(share) > limit(MINUTES)} == set()


def heading(samples: list[Sample]) -> str:
    kind = "soak" if MINUTES >= WHOLE_MINUTES else "trial, which is no soak,"
    return (
        f"{kind} of {MINUTES:g} minutes, {samples[-1].step} steps; after the first third "
        f"everything has to stay within {100 * limit(MINUTES):.0f} %"
    )


def sample(notebook: Notebook, begin: float) -> Sample:
    """Everything as it is now, what is garbage in the tab collected before."""
    running = psutil.Process().children(recursive=True)
    (kernel,) = (one for one in running if "ipykernel_launcher" in one.cmdline())
    chromium = [one for one in running if "chrom" in one.name()]
    saved = len(json.dumps(notebook.saved()))
    tab = notebook.page.context.new_cdp_session(notebook.page)
    tab.send("HeapProfiler.collectGarbage")
    used = tab.send("Runtime.getHeapUsage")["usedSize"]
    tab.detach()
    step, cpu = notebook.step(), kernel.cpu_times()
    return Sample(
        seconds=time.monotonic() - begin,
        kernel=memory([kernel, *kernel.children(recursive=True)]),
        browser=memory(chromium),
        tab=used / MB,
        threads=kernel.num_threads(),
        files=kernel.num_fds(),
        notebook=saved / MB,
        step=step,
        cpu=cpu.user + cpu.system,
    )


def memory(processes: list[psutil.Process]) -> float:
    """Resident memory of all of them, MB."""
    return sum(one.memory_info().rss for one in processes) / MB


def quantities(samples: list[Sample]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What may not change, as (seconds, values).

    Speed is counted in processor time: what else the machine does is left out.
    """
    seconds = np.array([one.seconds for one in samples])
    names = {
        "kernel's memory (MB)": "kernel", "browser's memory (MB)": "browser",
        "tab's objects (MB)": "tab", "kernel's threads": "threads",
        "kernel's open files": "files", "saved notebook (MB)": "notebook",
    }  # fmt: skip
    found = {
        name: (seconds, np.array([getattr(one, field) for one in samples], dtype=float))
        for name, field in names.items()
    }
    steps, cpu = (np.diff([getattr(one, name) for one in samples]) for name in ("step", "cpu"))
    return found | {"steps a second of processor time": (seconds[1:], steps / cpu)}

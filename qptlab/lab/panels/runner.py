"""Runs a training in a thread of its own, so that buttons (and other cells) work while it trains.

Headless: no widget, no printing. The thread looks at its flags between two steps.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from qptlab.errors import printable
from qptlab.lab.panels.signals import Signal
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import Prediction
from qptlab.qpt.sampling.base import Sampler
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.state import TrainState

ACTIVE = ("starting", "running", "pausing", "stopping")
RATE_WINDOW_S = 5.0


def one_sentence(error: BaseException) -> str:
    """An error's first line; its class is named where the text alone says too little."""
    text = printable((str(error).strip().splitlines() or [""])[0])
    if isinstance(error, (ValueError, TypeError)) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Run(Protocol):
    """What panels use of a `Training`."""

    lr: float
    status: str
    history: list[StepLog]
    config: TrainConfig
    sampler: Sampler
    state: TrainState
    model: Network
    baselines_ha: dict[str, dict[int, float]] | None

    def __iter__(self) -> Iterator[StepLog]: ...

    def predict(self, molecule: Molecule) -> Prediction: ...

    def validation_geometry(self, index: int) -> Molecule: ...


class Runner:
    """One daemon thread that draws steps from a training, and does small jobs between two of them.

    `state`: idle, starting, running, pausing, paused, stopping, stopped, finished or failed.
    Every method returns at once. `told` is emitted, in the thread or by the button that is pressed,
    after every step and every change of state; who is connected must be quick.
    """

    def __init__(self) -> None:
        self.state: str = "idle"
        self.run: Run | None = None  # the Training, once it has been made
        self.latest: StepLog | None = None  # the last StepLog
        self.error: BaseException | None = None  # why the run failed
        self.message: str = ""  # the same in one sentence
        self.job_message: str = ""  # why the last job failed, in one sentence
        self.job: str = ""  # what the thread is doing besides training
        self.since: float = time.monotonic()  # when `state` or `job` last changed
        self.told = Signal()
        self._source: Callable[[], Run] | None = None
        self._steps: Iterator[StepLog] | None = None
        self._jobs: deque[tuple[str, Callable[[], None]]] = deque()
        self._doing = False  # a job, a quiet one too
        self._go, self._halt, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._lock = threading.RLock()
        self._finished_steps: deque[float] = deque(maxlen=1000)
        self._active_s, self._resumed_at = 0.0, None
        threading.Thread(target=self._loop, name="qptlab-training", daemon=True).start()

    # -- what buttons call ---------------------------------------------------------------------

    def start(self, source: Callable[[], Run]) -> None:
        """Train: `source()` is called in the thread and gives the run."""
        with self._lock:
            if self.active or self.state == "paused":
                return
            self._halt.clear()
            self._go.set()
            self.error, self.message, self.job_message = None, "", ""
            self._source = source
            self._active_s, self._resumed_at = 0.0, time.monotonic()
            self._finished_steps.clear()
            self._set_state("starting")

    def pause(self) -> None:
        """Hold after the step that is under way."""
        with self._lock:
            if self.state in ("starting", "running"):
                self._go.clear()
                self._set_state("pausing")

    def resume(self) -> None:
        """Go on from where `pause` held."""
        with self._lock:
            if self.state in ("pausing", "paused"):
                self._finished_steps.clear()
                self.job_message = ""
                if self._resumed_at is None:
                    self._resumed_at = time.monotonic()
                self._go.set()
                self._set_state("starting" if self._steps is None else "running")

    def stop(self) -> None:
        """End after the step that is under way; `run` keeps all that was learned."""
        with self._lock:
            if self.active or self.state == "paused":
                self._halt.set()
                self._set_state("stopping")

    def submit(self, label: str, job: Callable[[], None]) -> None:
        """Do `job()` in the thread, between two steps; its failure shows in `job_message` only.

        A job of the same label that still waits is replaced. One without a label is quiet: nobody
        is told that it goes on.
        """
        with self._lock:
            waiting = [pair for pair in self._jobs if pair[0] != label]
            self._jobs = deque([*waiting, (label, job)])
        self._wake.set()

    # -- what displays read --------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """True while the thread is training, or about to."""
        return self.state in ACTIVE

    @property
    def at_rest(self) -> bool:
        """True when the thread neither trains nor has a job to do."""
        with self._lock:
            return not (self.active or self._jobs or self._doing)

    @property
    def seconds(self) -> float:
        """Seconds of training since `start`, pauses left out."""
        since = self._resumed_at
        return self._active_s + (time.monotonic() - since if since is not None else 0.0)

    @property
    def steps_per_second(self) -> float:
        """Mean rate over the last few seconds; 0 before the second step."""
        times = list(self._finished_steps)
        recent = [t for t in times if t > times[-1] - RATE_WINDOW_S] if times else []
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0

    # -- the thread ----------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            if self._halt.is_set():
                self._end("stopped")
            elif self._jobs:
                self._do()
            elif self._go.is_set() and self._source is not None:
                self._open()
            elif self._go.is_set() and self._steps is not None:
                self._advance()
            else:
                with self._lock:
                    if self.state == "pausing":
                        self._stop_clock()
                        self._set_state("paused")
                self._wake.wait()
                self._wake.clear()

    def _open(self) -> None:
        source, self._source = self._source, None
        self.run = self.latest = None
        try:
            run = source()
            self.run, self._steps = run, iter(run)
        except Exception as error:
            self._end("failed", error)

    def _advance(self) -> None:
        try:
            self.latest = next(self._steps)
        except StopIteration:
            self._end("finished")
        except Exception as error:
            self._end("failed", error)
        else:
            self._finished_steps.append(time.monotonic())
            with self._lock:
                if self.state == "starting":
                    self._set_state("running")
            self.told.emit()

    def _end(self, state: str, error: BaseException | None = None) -> None:
        steps, self._steps, self._source = self._steps, None, None
        try:
            getattr(steps, "close", lambda: None)()  # a generator cleans up now, not when collected
        except Exception as late:
            state, error = "failed", error or late
        with self._lock:
            self._go.clear()
            self._halt.clear()
            self._stop_clock()
            if error is not None:
                self.error, self.message = error, one_sentence(error)
            self._set_state(state)

    def _do(self) -> None:
        with self._lock:
            label, job = self._jobs.popleft()
            self._doing = True
        if label:
            self.job, self.job_message, self.since = label, "", time.monotonic()
            self.told.emit()
        try:
            job()
        except Exception as error:
            self.job_message = one_sentence(error)
        if label:
            self.job, self.since = "", time.monotonic()
            self._finished_steps.clear()
        self._doing = False
        self.told.emit()

    def _stop_clock(self) -> None:
        self._active_s, self._resumed_at = self.seconds, None

    def _set_state(self, state: str) -> None:
        self.state, self.since = state, time.monotonic()
        self._wake.set()
        self.told.emit()

"""The background runner: pause holds, resume goes on, stop ends, failures become one sentence."""

import threading
import time
from dataclasses import dataclass

import pytest
from waiting import wait_until

from qptlab.lab.panels.describe import status_line
from qptlab.lab.panels.runner import Runner, one_sentence


@dataclass(frozen=True)
class Log:
    """The part of a StepLog that the runner and this test read."""

    step: int
    lr: float


class Counter:
    """An endless training in miniature: 1 ms a step, continues where it was when iterated again."""

    def __init__(self, steps=None, fail_at=None):
        self.steps, self.fail_at = steps, fail_at
        self.lr, self.step, self.closed = 0.1, 0, 0
        self.threads, self.history = set(), []

    def __iter__(self):
        try:
            while self.steps is None or self.step < self.steps:
                time.sleep(0.001)
                if self.step == self.fail_at:
                    raise ValueError("the gap closed\nand more that nobody reads in a status line")
                self.step += 1
                self.threads.add(threading.current_thread().name)
                self.history.append(Log(self.step, self.lr))
                yield self.history[-1]
        finally:
            self.closed += 1


def started(training):
    runner = Runner()
    runner.start(lambda: training)
    wait_until(lambda: runner.latest is not None)
    return runner


def test_start_returns_at_once_and_trains_in_another_thread():
    training, release = Counter(), threading.Event()

    def slow_source():
        release.wait(5)
        return training

    runner = Runner()
    begin = time.monotonic()
    runner.start(slow_source)
    assert time.monotonic() - begin < 0.1
    assert runner.state == "starting" and runner.active
    release.set()
    wait_until(lambda: runner.state == "running" and runner.latest.step > 3)
    runner.stop()
    assert training.threads == {"qptlab-training"}


def test_pause_holds_and_resume_goes_on():
    training = Counter()
    runner = started(training)
    runner.pause()
    wait_until(lambda: runner.state == "paused", seconds=0.5)
    held, clock = training.step, runner.seconds
    time.sleep(0.1)
    assert training.step == held
    assert runner.seconds == clock
    runner.resume()
    wait_until(lambda: training.step > held + 5)
    assert runner.state == "running" and runner.seconds > clock
    assert training.closed == 0, "pausing must not restart the iteration"
    runner.stop()


def test_pause_before_the_first_step():
    training, release = Counter(), threading.Event()
    runner = Runner()
    runner.start(lambda: release.wait(5) and training)
    runner.pause()
    release.set()
    wait_until(lambda: runner.state == "paused")
    assert training.step == 0
    runner.resume()
    wait_until(lambda: training.step > 3)
    runner.stop()


def test_stop_ends_closes_the_generator_and_start_continues():
    training = Counter()
    runner = started(training)
    runner.stop()
    wait_until(lambda: runner.state == "stopped", seconds=0.5)
    held = training.step
    assert training.closed == 1
    time.sleep(0.05)
    assert training.step == held
    runner.start(lambda: training)
    wait_until(lambda: training.step > held)
    runner.stop()
    wait_until(lambda: runner.state == "stopped")


def test_stop_while_paused_and_end_of_the_steps():
    runner = started(Counter())
    runner.pause()
    wait_until(lambda: runner.state == "paused")
    runner.stop()
    wait_until(lambda: runner.state == "stopped")
    runner.start(lambda: Counter(steps=3))
    wait_until(lambda: runner.state == "finished")
    assert runner.latest.step == 3


def test_failures_surface_as_one_sentence_and_leave_the_runner_usable():
    runner = started(Counter(fail_at=4))
    wait_until(lambda: runner.state == "failed")
    assert runner.message == "the gap closed"
    assert isinstance(runner.error, ValueError)

    def no_such_basis():
        raise ValueError("unknown basis 'def3'")

    runner.start(no_such_basis)
    wait_until(lambda: runner.message == "unknown basis 'def3'")
    assert runner.state == "failed" and runner.run is None
    runner.start(lambda: Counter(steps=2))
    wait_until(lambda: runner.state == "finished")
    assert runner.message == "" and runner.error is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("odd\ncount"), "odd"),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
        (ValueError(), "ValueError"),
    ],
)
def test_one_sentence(error, text):
    assert one_sentence(error) == text


def test_learning_rate_changes_while_running():
    training = Counter()
    runner = started(training)
    training.lr = 0.025
    wait_until(lambda: runner.latest.lr == 0.025)
    runner.stop()
    assert {log.lr for log in training.history} == {0.1, 0.025}


def test_jobs_run_between_steps_when_paused_and_when_idle():
    names, runner = [], Runner()

    def note():
        names.append(threading.current_thread().name)

    runner.submit("noting", note)
    wait_until(lambda: len(names) == 1)
    training = Counter()
    runner.start(lambda: training)
    runner.submit("noting", note)
    wait_until(lambda: len(names) == 2 and training.step > 5)
    runner.pause()
    wait_until(lambda: runner.state == "paused")
    runner.submit("noting", note)
    runner.submit("failing", lambda: 1 / 0)
    wait_until(lambda: runner.job_message == "ZeroDivisionError: division by zero")
    assert runner.message == "" and runner.error is None
    assert names == ["qptlab-training"] * 3
    assert runner.state == "paused"
    runner.resume()
    wait_until(lambda: runner.state == "running" and runner.job_message == "")
    runner.stop()


def test_a_job_leaves_the_sentence_about_the_failed_run():
    runner, done = started(Counter(fail_at=4)), []
    wait_until(lambda: runner.state == "failed")
    runner.submit("failing", lambda: 1 / 0)
    wait_until(lambda: runner.job_message)
    assert status_line(runner, "", 0) == (
        "error", "the gap closed · ZeroDivisionError: division by zero",
    )  # fmt: skip
    runner.submit("drawing", lambda: done.append(1))
    wait_until(lambda: done and not runner.job)
    assert status_line(runner, "", 0) == ("error", "the gap closed")


def test_a_waiting_job_is_replaced_by_one_of_the_same_label():
    done, release, runner = [], threading.Event(), Runner()
    runner.submit("waiting", lambda: release.wait(5))
    wait_until(lambda: runner.job == "waiting")
    for number in range(3):
        runner.submit("drawing", lambda number=number: done.append(number))
    release.set()
    wait_until(lambda: done)
    time.sleep(0.05)
    assert done == [2]


def test_a_listener_may_press_buttons():
    runner, training = Runner(), Counter()

    def at_five():
        if runner.latest is not None and runner.latest.step == 5:
            runner.pause()

    runner.told.connect(at_five)
    runner.start(lambda: training)
    wait_until(lambda: runner.state == "paused")
    assert training.step == 5
    runner.stop()


def test_rate_leaves_pauses_out():
    runner = started(Counter())
    wait_until(lambda: runner.latest.step > 20)
    runner.pause()
    wait_until(lambda: runner.state == "paused")
    time.sleep(0.3)
    runner.resume()
    wait_until(lambda: runner.latest.step > 60)
    assert runner.steps_per_second > 100
    runner.stop()

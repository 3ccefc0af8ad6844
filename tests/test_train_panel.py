"""The panels without a browser: buttons, sentences and numbers, with a training in miniature."""

import re
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from waiting import wait_until

from qptlab.lab.panels.describe import Reading, clock, grouped, micro
from qptlab.lab.panels.train import TrainPanel, train_panel


@dataclass(frozen=True)
class Log:
    """The part of a StepLog that the panel shows."""

    step: int
    loss: float
    lr: float
    samples: int
    val_error_ha: dict | None = None


@dataclass(eq=False)
class Toy:
    """A training with the attributes of `Training` that a panel reads."""

    lr: float = 0.01
    steps: int | None = None
    fail_at: int | None = None
    status: str = "idle"
    baselines_ha: dict | None = None
    history: list = field(default_factory=list)
    errors: dict | None = None

    def __iter__(self):
        self.status = "compiling"
        time.sleep(0.3)
        while self.steps is None or len(self.history) < self.steps:
            self.status = "training"
            time.sleep(0.002)
            step = len(self.history) + 1
            if step == self.fail_at:
                raise ValueError("the gap closed")
            self.baselines_ha = {"diis": {0: 0.12, 3: 8.7e-4}}
            errors = self.errors or {0: 0.018 / step, 3: 3e-6 / step}
            errors = errors if step % 5 == 0 else None
            self.history.append(Log(step, -0.1, self.lr, 8 * step, errors))
            yield self.history[-1]


def text(html):
    return re.sub(r"<[^>]+>", " ", html.value)


def pressable(panel):
    return {name for name, button in panel.buttons.items() if not button.disabled}


def test_a_training_from_start_to_stop():
    run = Toy()
    panel = train_panel(run)
    wait_until(lambda: pressable(panel) == {"Start"})
    assert panel.learning_rate.value == run.lr == 0.01
    assert "ready" in text(panel.status)
    panel.buttons["Start"].click()
    wait_until(lambda: "compiling" in text(panel.status))
    assert "busy" in panel.status.value, "something must move while nothing else does"
    wait_until(lambda: len(run.history) > 10 and pressable(panel) == {"Pause", "Stop"})
    wait_until(lambda: "training" in text(panel.status))
    panel.buttons["Pause"].click()
    wait_until(lambda: pressable(panel) == {"Resume", "Stop"})
    wait_until(lambda: f"paused at step {len(run.history)}" in text(panel.status))
    held = len(run.history)
    time.sleep(0.05)
    assert len(run.history) == held
    wait_until(lambda: panel.plot._shown[1] == held)  # the last picture shows every step
    panel.buttons["Resume"].click()
    wait_until(lambda: len(run.history) > held)
    panel.buttons["Stop"].click()
    wait_until(lambda: pressable(panel) == {"Start"})
    assert "stopped" in text(panel.status)
    assert panel.plot.draws >= 2


def test_the_numbers_stand_beside_diis():
    run = Toy(steps=10)
    panel = train_panel(run)
    panel.start()
    wait_until(lambda: "finished at step 10" in text(panel.status))
    numbers = text(panel.tiles)
    for part in ("step 10", "of training", "0.01", "1 800 µHa", "0.3 µHa", "120 mHa", "870 µHa"):
        assert re.sub(r"\s+", " ", part) in re.sub(r"\s+", " ", numbers), part


@pytest.mark.parametrize("limit", [{"minutes": 5.0}, {"steps": 10_000}])
def test_what_is_left_of_a_run_with_a_limit(limit):
    run = Toy()
    run.config = SimpleNamespace(minutes=None, steps=None)
    vars(run.config).update(limit)
    panel = train_panel(run)
    assert "time –" in " ".join(text(panel.tiles).split())
    panel.start()
    wait_until(lambda: panel.runner.steps_per_second > 0 and len(run.history) > 10)
    wait_until(lambda: "time left" in text(panel.tiles) and "≈" in text(panel.tiles))
    shown = " ".join(text(panel.tiles).split())
    found = re.search(r"time left (\d+):(\d\d) ≈ ([\d ]+) steps", shown)
    minutes, seconds, steps = found.groups()
    if "minutes" in limit:
        assert (int(minutes), int(seconds) >= 55) == (4, True)
    else:
        assert 9_000 < int(steps.replace(" ", "")) <= 10_000
    panel.runner.stop()
    wait_until(lambda: "time left" not in text(panel.tiles))


def test_the_learning_rate_acts_while_training():
    run = Toy()
    panel = train_panel(run)
    panel.start()
    wait_until(lambda: run.history)
    panel.learning_rate.value = 1e-4
    assert run.lr == 1e-4
    wait_until(lambda: run.history[-1].lr == 1e-4 and "0.0001" in text(panel.tiles))
    panel.runner.stop()


def test_a_click_during_other_work_is_acknowledged():
    run, go_on = Toy(), threading.Event()
    panel = train_panel(run)
    panel.start()
    wait_until(lambda: len(run.history) > 2)
    panel.runner.submit("drawing", lambda: go_on.wait(5))
    wait_until(lambda: "drawing…" in text(panel.status))
    panel.buttons["Pause"].click()
    wait_until(lambda: "pausing after this: drawing…" in text(panel.status))
    go_on.set()
    wait_until(lambda: f"paused at step {len(run.history)}" in text(panel.status))
    panel.runner.stop()


def test_a_run_has_one_panel():
    run = Toy()
    assert train_panel(run) is train_panel(run)
    assert train_panel(Toy()) is not train_panel(run)


@pytest.mark.parametrize("name", ["baselines_ha", "status", "history", "lr"])
def test_a_property_that_raises_does_not_freeze_the_panel(name):
    class Broken(Toy):
        def __iter__(self):
            yield from Toy()

    run = Broken()
    setattr(Broken, name, property(lambda self: 1 / 0))
    panel = TrainPanel(lambda: run)
    panel.start()
    wait_until(lambda: panel.runner.latest is not None and panel.runner.latest.step > 20)
    held = text(panel.tiles)
    wait_until(lambda: text(panel.tiles) != held)
    wait_until(lambda: f"cannot show {name}: ZeroDivisionError" in text(panel.status))
    panel.buttons["Stop"].click()
    wait_until(lambda: "stopped" in text(panel.status) and pressable(panel) == {"Start"})


def test_numbers_that_are_none_do_not_freeze_the_panel():
    run = Toy(steps=5, errors={0: float("nan"), 3: float("inf")})
    panel = train_panel(run)
    panel.start()
    wait_until(lambda: "finished at step 5" in text(panel.status))
    assert text(panel.tiles).count("not a number") == 2
    wait_until(lambda: panel.plot._shown[1] == 5)


def test_a_failure_is_a_sentence_and_start_works_again():
    run = Toy(fail_at=4)
    panel = train_panel(run)
    panel.start()
    wait_until(lambda: "the gap closed" in text(panel.status))
    assert pressable(panel) == {"Start"}
    run.fail_at = None
    panel.start()
    wait_until(lambda: len(run.history) > 6)
    panel.runner.stop()


@pytest.mark.parametrize(
    ("energy", "shown"),
    [
        (None, "–"),
        (0.0, "< 0.001 µHa"),
        (3.1e-8, "0.031 µHa"),
        (1.82e-5, "18.2 µHa"),
        (8.71e-4, "871 µHa"),
        (0.0123456, "12\u2009300 µHa"),
        (float("nan"), "not a number"),
        (float("inf"), "not a number"),
    ],
)
def test_micro(energy, shown):
    assert micro(energy) == shown


def test_small_words():
    assert grouped(1234567) == "1\u2009234\u2009567"
    assert [clock(s) for s in (0.9, 75, 3723)] == ["0:00", "1:15", "1:02:03"]
    assert Reading.of(None).last_validation == {}

"""The display thread: what sets widgets, in which order, and what is said when that fails."""

import threading
import time

import pytest
from ipywidgets import IntText, Widget
from toy_workbench import end, press, started
from waiting import wait_until

from qptlab.lab.panels.base import BackgroundPanel
from qptlab.lab.panels.refresher import THREAD, in_display, may_set_widgets
from qptlab.lab.panels.signals import by_hand, quietly


def test_a_training_sets_no_widget_from_its_own_thread(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # where the export goes
    setters, notify = {}, Widget.notify_change

    def note(self, change):
        if change["name"] in self.keys:
            what = f"{type(self).__name__}.{change['name']}"
            setters.setdefault(threading.current_thread().name, set()).add(what)
        notify(self, change)

    monkeypatch.setattr(Widget, "notify_change", note)
    bench = started()
    bench.panel.adopt(bench.run)
    press(bench, "Pause")
    wait_until(lambda: bench.panel.runner.state == "paused")
    bench.exports.save("csv")
    press(bench, "Resume")
    wait_until(lambda: bench.panel.runner.state == "running")
    end(bench)
    wait_until(lambda: not bench.choices.basis.disabled)
    others = {name: set_by for name, set_by in setters.items() if name != "MainThread"}
    assert set(others) == {THREAD}
    assert {"Html.value", "Button.disabled", "PngImage.value", "Dropdown.disabled"} <= others[
        THREAD
    ]


def test_what_a_job_shows_is_shown_when_it_goes_on():
    seen = []

    def job():
        seen.append(may_set_widgets())
        in_display(lambda: seen.append(threading.current_thread().name))
        with pytest.raises(ZeroDivisionError):
            in_display(lambda: 1 / 0)
        seen.append("after")

    thread = threading.Thread(target=job)
    thread.start()
    thread.join(5)
    assert seen == [False, THREAD, "after"]
    in_display(lambda: seen.append(threading.current_thread().name))
    assert seen[-1] == "MainThread", "a user's hand waits for nobody"


def test_a_drawing_that_fails_is_one_sentence_and_others_go_on():
    class Broken(BackgroundPanel):
        def _draw(self):
            raise ValueError("no such colour\nand more")

    class Fine(BackgroundPanel):
        drawn = 0

        def _draw(self):
            self.drawn += 1

    broken, fine = Broken(), Fine()
    for panel in (broken, fine):
        panel._refresher.poke()
    wait_until(lambda: fine.drawn == 1)
    assert "no such colour" in broken.status.value and "and more" not in broken.status.value
    begin = time.monotonic()
    fine._submit("working", lambda: time.sleep(0.6))
    wait_until(lambda: fine._message)
    assert time.monotonic() - begin < 3 and fine.drawn >= 3, "drawn again while it works"


def test_a_widget_that_is_set_quietly_is_not_answered():
    heard, number = [], IntText()
    by_hand(lambda: heard.append(number.value), number)
    number.value = 1
    with quietly():
        number.value = 2
    number.value = 3
    assert heard == [1, 3]

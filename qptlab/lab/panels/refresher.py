"""One thread sets the widgets: when asked, and regularly while something goes on."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from qptlab.lab.panels.runner import Runner

INTERVAL_S = 0.25
"""Four times a second is as much as a reader of numbers wants; more would slow a quick training."""
THREAD = "qptlab-display"
_asked: queue.SimpleQueue = queue.SimpleQueue()  # of a Refresher, or an action and its Future


class Refresher:
    """Calls `draw()` soon after every `poke()`, and every 0.25 s while `busy()`.

    All panels share the display thread, so that neither the training nor the main thread ever waits
    for a plot, and a computation that does not report (a compilation) is still shown to be alive.
    What is asked first is shown first.
    """

    def __init__(self, draw: Callable[[], None], busy: Callable[[], bool]) -> None:
        self.draw, self.busy, self.poked = draw, busy, False

    def poke(self) -> None:
        """Ask for a drawing; returns at once."""
        if not self.poked:
            self.poked = True
            _asked.put(self)

    def follow(self, runner: Runner) -> None:
        """Draw whenever a runner's state or job changes; steps wait for the regular drawings."""
        seen = ["", ""]

        def look() -> None:
            now = [runner.state, runner.job]
            if now != seen:
                seen[:] = now
                self.poke()

        runner.told.connect(look)


def may_set_widgets() -> bool:
    """Whether this is the display thread or the kernel's main thread."""
    here = threading.current_thread()
    return here is threading.main_thread() or here.name == THREAD


def in_display(action: Callable[[], None]) -> None:
    """Do `action()` where widgets may be set, and come back when it is done.

    For a job of a runner that has something to show; its errors are the job's. Not for listeners,
    which must not wait.
    """
    if may_set_widgets():
        return action()
    done: Future[None] = Future()
    _asked.put((action, done))
    return done.result()


def _loop() -> None:
    due: dict[Refresher, float] = {}  # those that are busy, and when they are drawn again
    while True:
        first = min(due, key=due.__getitem__, default=None)
        wait = None if first is None else max(0.0, due[first] - time.monotonic())
        try:
            order = _asked.get(timeout=wait)
        except queue.Empty:
            order = first
        if not isinstance(order, Refresher):
            _do(*order)
            continue
        order.poked = False
        try:
            order.draw()
        except Exception:  # panels show their own; one that could not must not end all others
            logging.getLogger(__name__).exception("a display could not be drawn")
        due.pop(order, None)
        if order.busy():
            due[order] = time.monotonic() + INTERVAL_S
        time.sleep(0.02)  # what comes at once is drawn at once


def _do(action: Callable[[], None], done: Future[None]) -> None:
    try:
        action()
    except Exception as error:  # raised again where it was asked for
        done.set_exception(error)
    else:
        done.set_result(None)


threading.Thread(target=_loop, name=THREAD, daemon=True).start()

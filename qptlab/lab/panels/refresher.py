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
_asked: queue.SimpleQueue["Refresher | tuple[Callable[[], None], Future[None]]"]
_asked = queue.SimpleQueue()


class Refresher:
    """Calls `draw()` soon after every `poke()`, and every 0.25 s while `busy()`.

    Widgets are set by the display thread alone, which all panels share, and by the kernel's main
    thread: while a panel is made, and where a user's hand moves one. Neither the training nor the
    main thread ever waits for a plot, and a computation that does not report (a compilation) is
    still shown to be alive. What is asked first is shown first.
    """

    def __init__(self, draw: Callable[[], None], busy: Callable[[], bool]) -> None:
        self.draw, self.busy, self.poked = draw, busy, False

    def poke(self) -> None:
        """Ask for a drawing; returns at once."""
        if not self.poked:
            self.poked = True
            _asked.put(self)

    def follow(self, runner: Runner) -> None:
        """Draw at once whenever a runner changes its state or its job.

        Not after every step: those are taken together by the regular drawings.
        """
        seen: list[tuple[str, str]] = [("", "")]

        def look() -> None:
            now = runner.state, runner.job
            if now != seen[0]:
                seen[0] = now
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
        if isinstance(order, Refresher):
            order.poked = False
            _draw(order)
            due.pop(order, None)
            if order.busy():
                due[order] = time.monotonic() + INTERVAL_S
            time.sleep(0.02)  # what comes at once is drawn at once
        else:
            _do(*order)


def _draw(refresher: Refresher) -> None:
    try:
        refresher.draw()
    except Exception:  # panels show their own; one that could not must not end all others
        logging.getLogger(__name__).exception("a display could not be drawn")


def _do(action: Callable[[], None], done: Future[None]) -> None:
    try:
        action()
    except Exception as error:  # raised again where it was asked for
        done.set_exception(error)
    else:
        done.set_result(None)


threading.Thread(target=_loop, name=THREAD, daemon=True).start()

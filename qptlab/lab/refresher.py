"""Keeps a display up to date from one thread: when poked, and regularly while something goes on."""

import threading
import time
from collections.abc import Callable

INTERVAL_S = 0.1


class Refresher:
    """Calls `draw()` soon after every `poke()`, and every 0.1 s while `busy()`.

    All widgets of a panel are set from this thread alone: neither the training nor the kernel's
    main thread ever waits for a drawing, and a computation that does not report (a compilation)
    is still shown to be alive.
    """

    def __init__(self, draw: Callable[[], None], busy: Callable[[], bool]) -> None:
        self._draw, self._busy = draw, busy
        self._poked = threading.Event()
        threading.Thread(target=self._loop, name="qptlab-display", daemon=True).start()

    def poke(self) -> None:
        """Ask for a drawing; returns at once."""
        self._poked.set()

    def _loop(self) -> None:
        while True:
            self._poked.wait(INTERVAL_S if self._busy() else None)
            self._poked.clear()
            self._draw()
            time.sleep(0.02)  # a fast training pokes after every step: take those together

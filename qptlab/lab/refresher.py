"""Keeps a display up to date from one thread: when poked, and regularly while something goes on."""

import threading
import time
from collections.abc import Callable
from typing import Any

INTERVAL_S = 0.25
"""Four times a second is as much as a reader of numbers wants; more would slow a quick training."""


class Refresher:
    """Calls `draw()` soon after every `poke()`, and every 0.25 s while `busy()`.

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

    def follow(self, runner: Any) -> None:
        """Draw at once whenever a runner changes its state or its job.

        Not after every step: those are taken together by the regular drawings.
        """
        seen: list[tuple[str, str]] = [("", "")]

        def look() -> None:
            now = runner.state, runner.job
            if now != seen[0]:
                seen[0] = now
                self.poke()

        runner.listeners.append(look)

    def _loop(self) -> None:
        while True:
            self._poked.wait(INTERVAL_S if self._busy() else None)
            self._poked.clear()
            self._draw()
            time.sleep(0.02)  # what comes at once is drawn at once

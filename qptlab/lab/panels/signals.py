"""Who is told of a change, and who is not: listeners, and hands told from the program."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from traitlets import HasTraits

_thread = threading.local()


class Signal:
    """Calls all that are connected, in the order in which they were."""

    def __init__(self) -> None:
        self._connected: list[Callable[[], None]] = []

    def connect(self, hear: Callable[[], None]) -> None:
        """From now on `hear()` is called whenever there is something to tell."""
        self._connected.append(hear)

    def emit(self) -> None:
        """Tell all, in this thread."""
        for hear in tuple(self._connected):
            hear()


@contextmanager
def quietly() -> Iterator[None]:
    """Widgets that this thread sets meanwhile do not answer as if a hand had moved them."""
    before, _thread.quiet = getattr(_thread, "quiet", False), True
    try:
        yield
    finally:
        _thread.quiet = before


def by_hand(answer: Callable[[], None], *widgets: HasTraits, trait: str = "value") -> None:
    """Call `answer()` after every change of one of the widgets, but for those made `quietly`."""

    def hear(_change: object) -> None:
        if not getattr(_thread, "quiet", False):
            answer()

    for widget in widgets:
        widget.observe(hear, trait)

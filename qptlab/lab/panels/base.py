"""What every panel does that computes in the background.

The rule: a job computes in its runner's thread and leaves what it found in the panel; `_draw`, in
the display thread, brings it to the widgets. Nothing else sets a widget but a user's own handler in
the main thread, and what a job does `in_display`. A panel sets widgets `quietly`, so that only
hands are answered.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ipywidgets import Button, HBox, Layout, VBox, Widget

from qptlab.lab.html import Markup, tag
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.describe import status_html
from qptlab.lab.panels.refresher import Refresher
from qptlab.lab.panels.runner import Runner, one_sentence
from qptlab.lab.panels.still import Still, display_with_stills

CSS = Path(__file__).with_name("panels.css").read_text(encoding="utf-8")


@dataclass(frozen=True, eq=False)
class Work:
    """A job that a panel waits for: what the runner calls it, and of what subject."""

    label: str
    about: object
    since: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """For how long it has been waited for."""
        return time.monotonic() - self.since


class BackgroundPanel(VBox):
    """A panel whose work is done by `runner`, a thread of its own by default.

    A subclass computes in jobs that it gives to `_submit`, and shows what they found in `_draw`.

    Attributes:
        status: the line that says what goes on, or in one sentence what went wrong.
        stills: pictures that take the panel's place where there is no kernel.
    """

    def __init__(
        self, runner: Runner | None = None, classes: Sequence[str] = (), **layout: str
    ) -> None:
        super().__init__(layout=Layout(**layout))
        for name in classes:
            self.add_class(name)
        self.runner = Runner() if runner is None else runner
        self.status = Html()
        self.stills: list[Still] = []
        self._lock = threading.RLock()
        self._look_at(None)
        self._refresher = Refresher(self._refresh, self._busy)

    def _ipython_display_(self) -> None:
        display_with_stills(self, self.stills)

    def _draw(self) -> None:
        """Bring what is known to the widgets; in the display thread."""

    def _busy(self) -> bool:
        """Whether something goes on that is to be drawn again and again."""
        return self._work is not None

    def _complain(self, sentence: str) -> None:
        self.status.value = status_html("error", sentence)

    def _refresh(self) -> None:
        try:
            self._draw()
        except Exception as error:  # a display that dies silently looks like one that is idle
            self._complain(one_sentence(error))

    def _look_at(self, about: object) -> None:
        """Another subject; what is computed of the last one is not shown any more."""
        self._about, self._work = about, None
        self._message, self._error = "", ""

    def _submit(self, label: str, job: Callable[[], None]) -> None:
        """Do `job()` in the runner's thread, unless the panel has turned to another subject.

        What goes wrong is this panel's to say, not that of the runner's other work.
        """
        with self._lock:
            work = self._work = Work(label, self._about)
            self._error = ""
        self.runner.submit(label, lambda: self._do(work, job))
        self._refresher.poke()

    def _do(self, work: Work, job: Callable[[], None]) -> None:
        begin, error = time.monotonic(), ""
        try:
            if work.about is self._about:
                job()
        except Exception as reason:
            error = one_sentence(reason)
        with self._lock:
            if work is self._work:
                self._work, self._error = None, error
                self._message = f"done in {time.monotonic() - begin:.1f} s"
        self._refresher.poke()


def button(
    text: str, press: Callable[[], None], width: str, icon: str = "", tooltip: str = "", **more: str
) -> Button:
    """A button that is `width` wide wherever it stands."""
    made = Button(
        description=text, icon=icon, tooltip=tooltip, layout=Layout(flex=f"0 0 {width}"), **more
    )
    made.on_click(lambda _: press())
    return made


def row(*widgets: Widget, **layout: str) -> HBox:
    """Widgets beside each other, in several lines where there is little room."""
    return HBox(widgets, layout=Layout(flex_flow="row wrap", align_items="center", **layout))


def framed(size_px: tuple[int, int], kind: str, inside: str) -> Markup:
    """HTML in a box of the CSS class `kind` that never changes its size."""
    width, height = size_px
    return tag("div", inside, class_=kind, style=f"width:{width}px;height:{height}px")

"""A matplotlib picture inside a fixed-size widget, redrawn as often as it can afford."""

import base64
import io
import time
from collections.abc import Callable

from ipywidgets import Box, Layout
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qptlab.lab.html import PNG, Markup, tag
from qptlab.lab.html_widget import Html
from qptlab.lab.plots.training import SIZE_PX
from qptlab.lab.views.small_widgets import PngImage

PIXEL_RATIO = 1.5  # drawn finer than shown, for projectors and dense screens
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.2, 3.0
COST_FACTOR = 40.0
"""A drawing takes one core of perhaps two, and may do so for a fortieth of the time."""
Clock = Callable[[], float]


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, with `PIXEL_RATIO` times as many pixels as its nominal size."""
    nominal = figure.dpi
    figure.set_dpi(nominal * PIXEL_RATIO)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, pil_kwargs={"compress_level": 1})
    figure.set_dpi(nominal)
    return buffer.getvalue()


def image_html(picture: bytes, words: str) -> Markup:
    """A PNG as an HTML element; `words` stand for it where it is not seen."""
    return tag("img", alt=words, src=PNG + base64.b64encode(picture).decode())


class Throttle:
    """Says when the next drawing is affordable, counted from the END of the last one.

    Counted from the beginning, slow drawings would follow each other without a gap and starve
    the training.
    """

    def __init__(self, clock: Clock = time.monotonic, cpu: Clock = time.thread_time) -> None:
        self.clock, self.cpu, self.next, self.cost = clock, cpu, 0.0, 0.0

    def ready(self) -> bool:
        """True when the next drawing may begin."""
        return self.clock() >= self.next

    def run(self, draw: Callable[[], None]) -> None:
        """Draw, and put off the next by `COST_FACTOR` × this one's CPU time, within the limits.

        Not its wall time, most of which may have been waiting for the training's turn.
        """
        begin = self.cpu()
        draw()
        self.cost = self.cpu() - begin
        wait = max(MIN_INTERVAL_S, COST_FACTOR * self.cost)
        self.next = self.clock() + min(MAX_INTERVAL_S, wait)


class LivePlot(Box):
    """Shows `draw(*args, figure=…) -> Figure`; the box never changes its size.

    `words`: what the picture shows, for those who do not see it.
    """

    def __init__(
        self, draw: Callable[..., Figure], size_px: tuple[int, int] = SIZE_PX, words: str = ""
    ) -> None:
        width, height = size_px
        # narrower where there is less room, and then lower in proportion
        box = Layout(width="100%", max_width=f"{width}px", flex="0 0 auto")
        self.image = PngImage(words=words, layout=Layout(width="100%", height="100%"))
        name = f"qptlab-plot-{width}-{height}"
        self.throttle, self.draws = Throttle(), 0
        self._draw, self._figure, self._shown = draw, None, None
        shape = style(f".{name} {{ aspect-ratio: {width} / {height}; }}")
        super().__init__([shape, self.image], layout=box)
        self.add_class("qptlab-plot")
        self.add_class(name)

    def update(self, *args, version: object, force: bool = False) -> bool:
        """Draw a `version` that is not shown yet, if it is time or `force`; True if drawn."""
        if version == self._shown or not (force or self.throttle.ready()):
            return False
        self.throttle.run(lambda: self._redraw(*args))
        self._shown = version
        return True

    def _redraw(self, *args) -> None:
        self._figure = self._draw(*args, figure=self._figure)
        self.image.value = png(self._figure)
        self.draws += 1


def style(css: str) -> Html:
    """A widget that takes no room and carries CSS rules."""
    return Html(tag("style", Markup(css)), layout=Layout(display="none"))

"""The training panel: buttons that act at once, a live learning rate, a live plot."""

import functools
import time
from collections.abc import Callable

from ipywidgets import Button, FloatLogSlider, HBox, Layout

from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import CSS, BackgroundPanel, button
from qptlab.lab.panels.describe import Reading, status_html, status_line, tiles_html
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Run
from qptlab.lab.panels.signals import Signal, by_hand, quietly
from qptlab.lab.panels.still import Still
from qptlab.lab.plots.live_plot import LivePlot, style
from qptlab.lab.plots.training import SIZE_PX, training_figure
from qptlab.qpt.networks.base import MUON_LR

BUTTONS = {  # text: (icon, tooltip, states in which it can be pressed)
    "Start": ("play", "Begin training (S)", ("idle", "stopped", "finished", "failed")),
    "Pause": ("pause", "Hold after this step (P)", ("starting", "running")),
    "Resume": ("forward", "Go on from where it was paused (P)", ("pausing", "paused")),
    "Stop": ("stop", "End after this step; what was learned stays (S)",
             ("starting", "running", "pausing", "paused")),
}  # fmt: skip
PLOT_IN_WORDS = "The training so far: the loss above, the energy error against PySCF below"


class TrainPanel(BackgroundPanel):
    """Controls, numbers and the live plot of one training.

    `source`: a function, called in the background at each Start, that gives the run.
    The learning rate is the run's own until its control is moved. `turned` tells, where widgets may
    be set, that the runner has another state, before the status line does.
    """

    def __init__(self, source: Callable[[], Run]) -> None:
        wide = f"{SIZE_PX[0]}px"
        super().__init__(
            classes=("qptlab", "qptlab-left"),
            width=wide, flex="1 1 540px", min_width="520px", max_width=wide,
        )  # fmt: skip
        self._source, self._state, self.turned = source, "", Signal()
        self._moved, self._said = False, ""
        self._doing, self._doing_since = "", time.monotonic()
        self.buttons = {text: self._button(text) for text in BUTTONS}
        self.learning_rate = FloatLogSlider(
            value=MUON_LR, base=10, min=-6, max=-1, step=0.01, readout_format=".1e",
            description="learning rate", style={"description_width": "initial"},
            layout=Layout(width="300px", margin="2px 0 2px 8px"),
        )  # fmt: skip
        by_hand(self._set_learning_rate, self.learning_rate)
        self.tiles = Html(layout=Layout(width="100%", margin="0 0 6px"))
        self.plot = LivePlot(training_figure, words=PLOT_IN_WORDS)
        self.stills, self._kept = [Still(SIZE_PX)], None
        controls = HBox([*self.buttons.values(), self.learning_rate])
        controls.layout.flex_flow = "row wrap"
        self.children = [style(CSS), controls, self.status, self.tiles, self.plot]
        self._refresher.follow(self.runner)
        self._refresh()

    @property
    def run(self) -> Run | None:
        """The Training, or None before Start has made it."""
        return self.runner.run

    def start(self) -> None:
        """What the Start button does."""
        self.runner.start(self._open)

    def press(self, *names: str) -> None:
        """Press the first of these buttons that can be pressed."""
        for name in names:
            if not self.buttons[name].disabled:
                return self.buttons[name].click()

    def say(self, line: str) -> None:
        """What goes on before there is a run, for the status line."""
        self._said = line
        self._refresher.poke()

    def adopt(self, run: Run) -> None:
        """Show a run that is not training yet, its history included."""
        history = Reading.of(run).history
        self.runner.run, self.runner.latest = run, history[-1] if history else None
        in_display(lambda: self._follow_learning_rate(run))
        self._refresher.poke()

    def _button(self, text: str) -> Button:
        icon, tooltip, _ = BUTTONS[text]
        act = self.start if text == "Start" else getattr(self.runner, text.lower())

        def press() -> None:
            act()
            self._turn()  # a hand sees at once that it was understood

        return button(text, press, "96px", icon, tooltip)

    def _set_learning_rate(self) -> None:
        self._moved = True
        if self.run is not None:
            self.run.lr = self.learning_rate.value
        self._refresher.poke()

    # -- in the training thread ----------------------------------------------------------------

    def _open(self) -> Run:
        run = self._source()
        self._said = ""
        if self._moved:
            run.lr = self.learning_rate.value
        else:
            in_display(lambda: self._follow_learning_rate(run))
        return run

    # -- in the display thread -----------------------------------------------------------------

    def _follow_learning_rate(self, run: Run) -> None:
        """The control where the run's own rate is, as if nobody had moved it."""
        if rate := Reading.of(run).lr:
            with quietly():
                self.learning_rate.value = rate

    def _busy(self) -> bool:
        return self.runner.active or bool(self.runner.job)

    def _turn(self) -> None:
        """Status and buttons of now; whoever follows the training's state does so first."""
        with self._lock:
            runner, run = self.runner, Reading.of(self.run)
            doing = runner.job or run.status or self._said
            if doing != self._doing:
                self._doing, self._doing_since = doing, time.monotonic()
            since = max(self._doing_since, runner.since if runner.job else 0.0)
            kind, sentence = status_line(runner, doing, time.monotonic() - since)
            sentence = " · ".join(filter(None, [sentence, run.unread]))
            # read last: the sentence is never ahead of it
            state, before = runner.state, self._state
            self._state = state
            if state != before:
                self.turned.emit()
            for text, pressed in self.buttons.items():
                pressed.disabled = state not in BUTTONS[text][2]
                pressed.button_style = "primary" if text == "Start" and not pressed.disabled else ""
            self.status.value = status_html(kind, sentence)

    def _draw(self) -> None:
        self._turn()
        runner, run = self.runner, Reading.of(self.run)
        self.tiles.value = tiles_html(runner, run)
        history = list(run.history)
        version = (id(self.run), len(history), run.baselines_ha is None)
        if self.run is not None or runner.state in ("idle", "failed"):
            held = not runner.active
            self.plot.update(history, run.baselines_ha, version=version, force=held)
            if history and held and version != self._kept:
                self.stills[0].keep(self.plot.image.value, PLOT_IN_WORDS)
                self._kept = version


@functools.cache  # one panel per run: two threads must never train the same one
def train_panel(run: Run) -> TrainPanel:
    """A panel that trains `run` in the background, with buttons, learning rate and a live plot.

    `run`: a `Training`, or any iterable of StepLogs with `lr`, `status`, `history`, `baselines_ha`.
    The cell returns at once and the kernel stays free; `run` can be used in other cells meanwhile.
    After Stop, Start goes on with the same run. Shown again, the same run has the same panel.

    >>> import qptlab as ql                                            # doctest: +SKIP
    >>> ql.train_panel(run)                                            # doctest: +SKIP
    """
    panel = TrainPanel(lambda: run)
    panel.adopt(run)
    return panel

"""The training panel: buttons that act at once, a live learning rate, a live plot."""

import time
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from ipywidgets import HTML, Button, FloatLogSlider, HBox, Layout, VBox

from qptlab.lab.describe import CSS, read, status_html, status_line, tiles_html
from qptlab.lab.live_plot import LivePlot, style
from qptlab.lab.plots import SIZE_PX, training_figure
from qptlab.lab.refresher import Refresher
from qptlab.lab.runner import Runner, one_sentence
from qptlab.lab.still import Still, display_with_stills
from qptlab.qpt.training.config import MUON_LR

BUTTONS = {  # text: (icon, tooltip, states in which it can be pressed)
    "Start": ("play", "Begin training (S)", ("idle", "stopped", "finished", "failed")),
    "Pause": ("pause", "Hold after this step (P)", ("starting", "running")),
    "Resume": ("forward", "Go on from where it was paused (P)", ("pausing", "paused")),
    "Stop": (
        "stop",
        "End after this step; what was learned stays (S)",
        ("starting", "running", "pausing", "paused"),
    ),
}


PLOT_IN_WORDS = "The training so far: the loss above, the energy error against PySCF below"


class TrainPanel(VBox):
    """Controls, numbers and the live plot of one training.

    `source`: a function, called in the background at each Start, that gives the run.
    The learning rate is the run's own until its control is moved.
    """

    def __init__(self, source: Callable[[], Iterable]) -> None:
        self.runner, self._source = Runner(), source
        self._moved, self._following, self._said = False, False, ""
        self._doing, self._doing_since = "", time.monotonic()
        self.buttons = {text: self._button(text) for text in BUTTONS}
        self.learning_rate = FloatLogSlider(
            value=MUON_LR, base=10, min=-6, max=-1, step=0.01, readout_format=".1e",
            description="learning rate",
            style={"description_width": "initial"},
            layout=Layout(width="300px", margin="2px 0 2px 8px"),
        )  # fmt: skip
        self.learning_rate.observe(self._set_learning_rate, "value")
        self.status, self.tiles = HTML(), HTML(layout=Layout(width="100%", margin="0 0 6px"))
        self.plot = LivePlot(training_figure, words=PLOT_IN_WORDS)
        self.still, self._kept = Still(SIZE_PX), None
        controls = HBox(
            [*self.buttons.values(), self.learning_rate], layout=Layout(flex_flow="row wrap")
        )
        parts = [style(CSS), controls, self.status, self.tiles, self.plot]
        room = {"flex": "1 1 540px", "min_width": "520px", "max_width": f"{SIZE_PX[0]}px"}
        super().__init__(parts, layout=Layout(width=f"{SIZE_PX[0]}px", **room))
        self.add_class("qptlab")
        self.add_class("qptlab-left")
        self._refresher = Refresher(
            self._refresh, lambda: self.runner.active or bool(self.runner.job)
        )
        self._refresher.follow(self.runner)
        self._refresh()

    def _ipython_display_(self) -> None:
        display_with_stills(self, [self.still])

    @property
    def run(self) -> Any:
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

    def adopt(self, run: Any) -> None:
        """Show a run that is not training yet, its history included."""
        history = read(run, "history")
        self.runner.run, self.runner.latest = run, history[-1] if history else None
        self._follow_learning_rate(run)
        self._refresher.poke()

    def _open(self) -> Iterable:
        run = self._source()
        self._said = ""
        if self._moved:
            run.lr = self.learning_rate.value
        else:
            self._follow_learning_rate(run)
        return run

    def _follow_learning_rate(self, run: Any) -> None:
        """The control where the run's own rate is, as if nobody had moved it."""
        rate = read(run, "lr")
        if rate:
            self._following = True
            self.learning_rate.value = rate
            self._following = False

    def _button(self, text: str) -> Button:
        icon, tooltip, _ = BUTTONS[text]
        button = Button(description=text, icon=icon, tooltip=tooltip, layout=Layout(width="96px"))
        press = self.start if text == "Start" else getattr(self.runner, text.lower())
        button.on_click(lambda _: press())
        return button

    def _set_learning_rate(self, change: Any) -> None:
        if self._following:
            return
        self._moved = True
        if self.run is not None:
            self.run.lr = change["new"]
        self._refresher.poke()

    # -- in the display thread -----------------------------------------------------------------

    def _refresh(self) -> None:
        try:
            self._show()
        except Exception as error:  # a display that dies silently looks like a training that does
            self.status.value = status_html("error", one_sentence(error))

    def _show(self) -> None:
        runner, run = self.runner, self.run
        for text, button in self.buttons.items():
            button.disabled = runner.state not in BUTTONS[text][2]
            button.button_style = "primary" if text == "Start" and not button.disabled else ""
        doing = runner.job or read(run, "status") or self._said
        if doing != self._doing:
            self._doing, self._doing_since = doing, time.monotonic()
        since = max(self._doing_since, runner.since if runner.job else 0.0)
        self.status.value = status_html(*status_line(runner, doing, time.monotonic() - since))
        in_use = runner.latest.lr if runner.latest is not None else read(run, "lr")
        self.tiles.value = tiles_html(runner, in_use)
        history = list(read(run, "history") or [])
        baselines = read(run, "baselines_ha")
        version = (id(run), len(history), baselines is None)
        if run is not None or runner.state in ("idle", "failed"):
            self.plot.update(history, baselines, version=version, force=not runner.active)
            if history and not runner.active and version != self._kept:
                self.still.keep(self.plot.image.value, PLOT_IN_WORDS)
                self._kept = version


# One panel per run: two threads must never train the same one.
_panels: WeakKeyDictionary[Any, TrainPanel] = WeakKeyDictionary()


def train_panel(run: Any) -> TrainPanel:
    """A panel that trains `run` in the background, with buttons, learning rate and a live plot.

    `run`: a `Training`, or any iterable of StepLogs with `lr`, `status`, `history`, `baselines_ha`.
    The cell returns at once and the kernel stays free; `run` can be used in other cells meanwhile.
    After Stop, Start goes on with the same run. Shown again, the same run has the same panel.

    >>> import qptlab as ql                                            # doctest: +SKIP
    >>> ql.train_panel(run)                                            # doctest: +SKIP
    """
    if run in _panels:
        return _panels[run]
    panel = _panels[run] = TrainPanel(lambda: run)
    panel.adopt(run)
    return panel

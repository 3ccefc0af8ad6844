"""The gradient inspector: backpropagation through DFT, link by link, for a step of a training."""

import functools
from collections.abc import Callable

from ipywidgets import HBox, Layout
from matplotlib.figure import Figure

from qptlab.errors import InputError
from qptlab.lab.html import Markup, tag
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import CSS, BackgroundPanel, button, framed, row
from qptlab.lab.panels.describe import Reading, dot, status_html
from qptlab.lab.panels.gradient_controls import NOW, WEIGHT, GradientControls, geometry
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Run, Runner
from qptlab.lab.panels.snapshots import Snapshots
from qptlab.lab.panels.still import Still
from qptlab.lab.panels.train import train_panel
from qptlab.lab.plots.gradients import CHAIN_SIZE_PX, chain_figure, chain_words, comparison_text
from qptlab.lab.plots.live_plot import image_html, png, style
from qptlab.qpt.gradient_chain import FiniteDifference, finite_difference, gradient_chain
from qptlab.qpt.prepared import Prepared, prepare

HINT = "E is computed twice, with this one element moved by +h and by −h"


class GradientPanel(BackgroundPanel):
    """The chain E → D → F → ΔF → θ of one network and one geometry, and a check of any element.

    `run`: a `Training`; None: none yet, or whatever `runner` trains.
    `runner`: does the computing, between two steps of what it trains; its own thread by default.
    Networks of steps gone by can be inspected as far as the panel saw them: while `runner` trains.
    """

    def __init__(self, run: Run | None = None, runner: Runner | None = None) -> None:
        width = f"{CHAIN_SIZE_PX[0]}px"
        super().__init__(runner, classes=("qptlab",), width=width, max_width="100%")
        self._followed: Run | None = None
        self._forget(None)
        self.controls = controls = GradientControls(self._on_change)
        self.inspect_button = button(
            "Inspect", self.inspect, "110px", "search", button_style="primary"
        )
        comparing = "Compare with finite difference"
        self.compare_button = button(comparing, self.compare, "260px", "check")
        self.comparison = Html(layout=Layout(flex="1 1 0", min_width="0"))
        self.picture = Html(layout=Layout(width="100%", margin="0 0 4px"))
        self.stills = [Still(CHAIN_SIZE_PX)]
        choices = controls.step, controls.split, controls.number, self.inspect_button
        element = controls.derivative, controls.weight, controls.row, controls.column
        self.children = [
            style(CSS),
            row(*choices, width="100%"),
            self.status,
            self.picture,
            row(*element, width="100%"),
            HBox([self.compare_button, self.comparison], layout=Layout(width="100%")),
        ]
        self.runner.told.connect(self._follow)
        self._follow()
        if run is not None:
            self.show(run)
        self._refresh()

    # -- what buttons and other panels call ----------------------------------------------------

    def figures(self) -> dict[str, Figure]:
        """What is shown now, by name, drawn anew; `InputError` where nothing is."""
        with self._lock:
            if self._inspected is None:
                raise InputError("no gradients to save yet: press Inspect")
            _, _, chain, heading = self._inspected
            chosen = self.controls.weight.value, self.controls.mark
            return {"gradients": chain_figure(chain, *chosen, heading)}

    def show(self, run: Run | None) -> None:
        """Turn to another run, of which nothing is computed yet; from any thread.

        Shown before its first step, the run's untrained network is kept too.
        """
        with self._lock:
            self._forget(run)
            self._snapshots.see(Reading.of(run).state, always=True)
        self._refresher.poke()

    def inspect(self) -> None:
        """Compute the chain for the chosen step and geometry, in the background."""
        self._start("computing gradients", self._inspect)

    def compare(self) -> None:
        """Compare the chosen element with a finite difference, in the background."""
        self._start("comparing with a finite difference", self._check)

    def _start(self, label: str, job: Callable[[Run], None]) -> None:
        if (run := self._run) is not None:
            self._submit(label, lambda: job(run))

    def _on_change(self, what: str) -> None:
        """A hand has moved a control; once a chain is shown, it follows."""
        if what == "chain":
            if self._inspected is not None:
                self.inspect()
        elif what != "weight" or self.controls.derivative.value == WEIGHT:
            with self._lock:
                self._result = None
                self._prefill = self._prefill or what in ("derivative", "weight")
        self._refresher.poke()

    def _forget(self, run: Run | None) -> None:
        """Nothing is known of a new run."""
        self._look_at(run)
        self._run = run
        self._inspected = self._last = self._result = None
        self._drawn, self._prefill = object(), False
        self._snapshots = Snapshots()

    # -- in the runner's thread ----------------------------------------------------------------

    def _follow(self) -> None:
        """After every step: keep the network if it is time; turn to a run that just began."""
        run = self.runner.run
        if run is not None and run is not self._followed:
            self._followed = run
            if run is not self._run:
                self.show(run)
        if self._run is not None and self._run is run:
            before = len(self._snapshots.models)
            self._snapshots.see(Reading.of(run).state)
            if len(self._snapshots.models) == before:
                return
        self._refresher.poke()

    def _inspect(self, run: Run) -> None:
        step, state = self.controls.step.value, run.state
        model = state.model if step == NOW else self._snapshots.models[step]
        name, prepared = self._prepared(run, self.controls.split.value, self.controls.number.value)
        chain = gradient_chain(model, prepared)
        after = int(state.step) if step == NOW else step
        heading = f"{name}, {model.theory}, network after step {after}"
        with self._lock:
            if run is self._run:
                self._inspected = (model, prepared, chain, heading)
                self._result, self._prefill = None, True

    def _prepared(self, run: Run, split: str, number: int) -> tuple[str, Prepared]:
        """A geometry's name and prepared; the last one is kept."""
        if self._last is None or self._last[0] != (split, number):
            name, molecule = geometry(run, split, number)
            self._last = ((split, number), name, prepare(molecule, run.model.theory))
        return self._last[1:]

    def _check(self, run: Run) -> None:
        if self._inspected is None:
            self._inspect(run)
        in_display(self._refresh_choices)  # a derivative chosen just now has its element to find
        model, prepared, chain, _ = inspected = self._inspected
        name, index = self.controls.element(chain)
        result = finite_difference(model, prepared, name, index, chain=chain)
        with self._lock:
            if inspected is self._inspected and (name, index) == self.controls.element(chain):
                self._result = result

    # -- in the display thread -----------------------------------------------------------------

    def _refresh_choices(self) -> None:
        """What can be chosen now, and the largest element where a new derivative is shown."""
        with self._lock:
            chain = self._inspected and self._inspected[2]
            self.controls.offer(self._snapshots.models, chain, self._prefill)
            self._prefill = self._prefill and chain is None

    def _draw(self) -> None:
        self._refresh_choices()
        with self._lock:
            inspected, result = self._inspected, self._result
            mark, weight = self.controls.mark, self.controls.weight.value
            version = (inspected and id(inspected[2]), weight, mark)
        self.inspect_button.disabled = self.compare_button.disabled = self._run is None
        self.status.value = status_html(*self._sentence())
        self.comparison.value = _comparison_html(result)
        if version == self._drawn:
            return
        inside = "energy ← density ← Kohn–Sham matrix ← network, and back"
        if inspected is not None:
            _, _, chain, heading = inspected
            picture = png(chain_figure(chain, weight, mark, heading))
            words = chain_words(chain, weight, heading)
            inside = image_html(picture, words)
            self.stills[0].keep(picture, words)
        self.picture.value = framed(CHAIN_SIZE_PX, "qptlab-chain", inside)
        self._drawn = version

    def _sentence(self) -> tuple[str, str]:
        if self._run is None:
            return "idle", "no training yet: Start one first"
        if (work := self._work) is not None:
            waits = "" if self.runner.job == work.label else ": waiting for the training's step"
            return "busy", f"{work.label}{waits}… {work.seconds:.0f} s"
        if self._error:
            return "error", self._error
        if self._inspected is None:
            return "idle", "press Inspect: once forwards, once backwards through DFT"
        return "idle", self._message


def _comparison_html(result: FiniteDifference | None) -> Markup:
    """The sentence of a comparison, with a green dot where both agree."""
    kind, text = "", HINT
    if result is not None:
        kind, text = "on" if result.agree else "error", comparison_text(result)
    return tag("div", dot(kind), text, class_="qptlab-comparison")


@functools.cache  # one inspector per run: it keeps networks of steps gone by
def gradient_panel(run: Run) -> GradientPanel:
    """Backpropagation through DFT, link by link, for a training and a step of it.

    `run`: a `Training`. Its networks after steps 0, 1, 2, 5, 10, 20, 50, … are kept from now on,
    as long as `train_panel(run)` trains it; the one of now can always be inspected. Shown again,
    the same run has the same panel. Without a panel, from a `Prepared` s of some geometry:

    >>> from qptlab.qpt.gradient_chain import finite_difference, gradient_chain
    >>> chain = gradient_chain(run.model, s)                           # doctest: +SKIP
    >>> finite_difference(run.model, s, "delta_fock", (3, 7))          # doctest: +SKIP
    """
    return GradientPanel(run, runner=train_panel(run).runner)

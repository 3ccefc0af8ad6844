"""Brings orbitals of a run to the panel that shows them, between two training steps."""

import time

from ipywidgets import HBox, Layout, SelectionSlider, ToggleButton

from qptlab.dft.results import ScfResult
from qptlab.lab.html import tag
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import BackgroundPanel, button
from qptlab.lab.panels.describe import grouped
from qptlab.lab.panels.orbitals import OrbitalPanel
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Run, Runner
from qptlab.lab.panels.signals import by_hand, quietly
from qptlab.molecule import Molecule
from qptlab.qpt.predict import Prediction
from qptlab.theory import Theory

VIEW_HEIGHT_PX = 440
DRAWN_AT = ("paused", "stopped", "finished")
LIVE_SHARE = 0.01
"""Of the training's time that redrawing on the way may take."""
LIVE_S = 0.5
"""Redrawn no more often than that: an eye needs time, too."""
AS_CHOSEN = -1


class OrbitalFeed(BackgroundPanel):
    """The orbitals of a run as they are now: on request, on every pause, and live while it trains.

    `show_molecule` says what is looked at, `molecule` called `name`; `begin` which run predicts it.
    All predictions and PySCF's answers are computed in the runner's thread, PySCF's once for every
    geometry.
    """

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self.panel = OrbitalPanel(height=VIEW_HEIGHT_PX)
        self._state, self._next_live = "idle", 0.0
        self._live: tuple[Molecule, Prediction, ScfResult | None] | None = None
        self.name = ""
        self.molecule: Molecule | None = None
        self._run: Run | None = None
        self._trained = self._theory = self._shown = None
        self._references: dict[tuple[Molecule, Theory], ScfResult] = {}
        tip = "Predict the orbitals with the network as it is now"
        self.draw = button("Draw", self.draw_orbitals, "80px", "paint-brush", tip, disabled=True)
        self.live = ToggleButton(
            value=True, description="live", icon="eye", tooltip="Redraw while it trains",
            layout=Layout(flex="0 0 70px"),
        )  # fmt: skip
        self.geometry = SelectionSlider(
            options=[("as chosen", AS_CHOSEN)], disabled=True, continuous_update=False,
            tooltip="The molecule as chosen, or a geometry that was set aside to validate with",
            layout=Layout(flex="0 0 168px", margin="0 0 0 12px"),
        )  # fmt: skip
        self.caption = Html(layout=Layout(min_width="0"))
        by_hand(self.draw_orbitals, self.geometry)
        runner.told.connect(self._follow)
        row = Layout(align_items="center", width="100%")
        heading = HBox([self.draw, self.live, self.geometry, self.caption], layout=row)
        self.children = [heading, self.panel]

    def show_molecule(self, name: str, molecule: Molecule) -> None:
        """This molecule in the 3D view, without orbitals yet."""
        with self._lock:
            self.name, self.molecule = name, molecule
            self.panel.show_molecule(molecule)
            self.panel.view.title = f"{name}, {molecule.formula}"
            self.panel.view.note = "orbitals appear with the first training step"
            self._caption("")
        self._offer()

    def begin(self, run: Run, molecule: Molecule, theory: Theory, held_out: int = 0) -> None:
        """From now on `run` predicts, which is trained on `molecule`; where widgets may be set.

        `held_out`: validation geometries that can be looked at.
        """
        frames = [(f"validation {i + 1}", i) for i in range(held_out)]
        with self._lock, quietly():
            self._run, self._trained, self._theory = run, molecule, theory
            self.geometry.options = [("as chosen", AS_CHOSEN), *frames]
            self._offer()

    def draw_orbitals(self) -> None:
        """Predict the orbitals and compare with PySCF, in the background."""
        self.runner.submit("drawing the orbitals", self._draw_and_compare)

    def _offer(self) -> None:
        """Only the molecule that the network has been trained on can be drawn."""
        fits = self._run is not None and self._trained == self.molecule
        self.draw.disabled = self.geometry.disabled = not fits

    def _caption(self, text: str) -> None:
        self.caption.value = tag("div", text, class_="qptlab-caption")

    # -- in the training thread ----------------------------------------------------------------

    def _follow(self) -> None:
        """Draw when the training holds, and while it runs as often as it costs little."""
        runner = self.runner
        changed, self._state = runner.state != self._state, runner.state
        if changed:
            if runner.state in DRAWN_AT and runner.latest is not None:
                self.draw_orbitals()
        elif self.live.value and runner.state == "running" and time.monotonic() > self._next_live:
            self._next_live = float("inf")  # until this one has been drawn
            runner.submit("", self._draw_live)

    def _draw_live(self) -> None:
        """Predict and go on: the training does not wait until that is on the page."""
        begin, cost = time.monotonic(), 0.0
        try:
            if self._trained == self.molecule:
                geometry = self._geometry()
                prediction = self._run.predict(geometry)
                self._live = geometry, prediction, self._references.get((geometry, self._theory))
                # the first of a geometry prepares and compiles, the others do not
                cost = time.monotonic() - begin if geometry == self._shown else 0.0
        finally:
            self._next_live = time.monotonic() + max(LIVE_S, cost / LIVE_SHARE)
            self._refresher.poke()

    def _draw_and_compare(self) -> None:
        if self._run is None or self._trained != self.molecule:
            return
        geometry = self._geometry()
        prediction = self._run.predict(geometry)
        known = self._references.get((geometry, self._theory))
        in_display(lambda: self._show(geometry, prediction, known))
        if known is None:
            self.runner.submit("asking PySCF", lambda: self._compare(geometry, prediction))

    def _compare(self, geometry: Molecule, prediction: Prediction) -> None:
        if self._trained != self.molecule or geometry != self._geometry():
            return
        from qptlab.reference import pyscf_scf

        theory = self._theory
        reference = pyscf_scf(geometry, theory)
        in_display(lambda: self._show(geometry, prediction, reference))
        self._references[geometry, theory] = reference  # one that can be shown

    def _geometry(self) -> Molecule:
        """The one to look at: the molecule as chosen, or one of the validation geometries."""
        index = self.geometry.value
        return self.molecule if index == AS_CHOSEN else self._run.validation_geometry(index)

    # -- in the display thread -----------------------------------------------------------------

    def _draw(self) -> None:
        found, self._live = self._live, None
        if found is not None:
            begin, before = time.thread_time(), self._shown  # waiting costs the training nothing
            self._show(*found)
            if self._shown == before:
                self._next_live += (time.thread_time() - begin) / LIVE_SHARE

    def _complain(self, sentence: str) -> None:
        self._caption(sentence)

    def _show(
        self, geometry: Molecule, prediction: Prediction, reference: ScfResult | None
    ) -> None:
        """Show them, unless another molecule has been chosen meanwhile."""
        latest = self.runner.latest
        caption = f"{self.name} after step {grouped(latest.step) if latest else 0}"
        if reference is not None and not reference.converged:
            caption, reference = f"{caption}; PySCF did not converge", None
        with self._lock:
            if self._trained == self.molecule and geometry == self._geometry():
                self.panel.show(prediction, reference)
                self._shown = geometry
                self._caption(caption)

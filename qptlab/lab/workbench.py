"""The workbench: choose a molecule and a theory, train a network on them, look at its orbitals."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ipywidgets import HTML, Button, Combobox, Dropdown, HBox, Layout, VBox

from qptlab.lab.describe import grouped
from qptlab.lab.orbital_panel import OrbitalPanel
from qptlab.lab.train_panel import TrainPanel
from qptlab.molecule import library_names, molecule
from qptlab.qpt.config import MUON_LR, TrainConfig
from qptlab.theory import FUNCTIONALS, Theory, theory

BASES = ("sto-3g", "6-31g", "6-31g*", "def2-svp", "def2-tzvp", "cc-pvdz", "cc-pvtz")
SIGMA_BOHR = 0.05
VIEW_HEIGHT_PX = 440
RIGHT = Layout(flex="1 1 350px", min_width="350px", max_width="720px")
DRAWN_AT = ("paused", "stopped", "finished")


def build(name: str, spec: str) -> Iterable:
    """A new Training on wiggled geometries of a library molecule, judged by PySCF."""
    # imported here so that the panel is there before the physics has been loaded
    from qptlab.qpt.block_qpt import BlockQPT
    from qptlab.qpt.sampling import wiggle
    from qptlab.qpt.training import Training
    from qptlab.reference import pyscf_energy

    chosen = molecule(name)
    model = BlockQPT.create(chosen, spec)
    # half the usual validation set: the first point of the error curve comes sooner
    config = TrainConfig(n_validation=8)
    return Training(model, wiggle(chosen, sigma=SIGMA_BOHR), config, reference=pyscf_energy)


class Workbench(VBox):
    """Everything in one panel; all work is done in the background by the training panel's thread.

    `build(molecule name, "functional/basis")` makes the Training when Start is pressed.
    """

    def __init__(self, build: Callable[[str, str], Iterable] = build) -> None:
        self._build, self._state, self._trained = build, "idle", None
        self._references: dict[tuple[str, Theory], Any] = {}
        self._drawing = threading.Lock()
        # networks are for closed shells only
        names = [name for name in library_names() if not molecule(name).spin]
        self.molecule = Dropdown(options=names, value="water")
        self.functional = Dropdown(options=FUNCTIONALS, value="pbe")
        self.basis = Combobox(options=BASES, value="def2-svp", ensure_option=False)
        self.panel = TrainPanel(self._open, learning_rate=MUON_LR)
        self.draw = Button(
            description="Draw orbitals",
            icon="paint-brush",
            tooltip="Predict the orbitals with the network as it is now",
            disabled=True,
            layout=Layout(flex="0 0 136px"),
        )
        self.draw.on_click(lambda _: self.draw_orbitals())
        self.caption = HTML(layout=Layout(min_width="0"))
        self.orbitals = OrbitalPanel(height=VIEW_HEIGHT_PX)
        self._show_molecule()
        self.molecule.observe(lambda _: self._show_molecule(), "value")
        self.panel.runner.listeners.append(self._follow)
        super().__init__([self._choices(), self._columns()])
        self.add_class("qptlab")

    @property
    def run(self) -> Any:
        """The Training, or None before Start has made it."""
        return self.panel.run

    def draw_orbitals(self) -> None:
        """Predict the unwiggled molecule's orbitals and compare with PySCF, in the background."""
        self.panel.runner.submit("drawing the orbitals", self._draw_prediction)

    # -- layout --------------------------------------------------------------------------------

    def _choices(self) -> HBox:
        fields = {
            "molecule": (self.molecule, 190),
            "functional": (self.functional, 105),
            "basis": (self.basis, 125),
        }
        boxes: list[Any] = []
        for name, (widget, width) in fields.items():
            widget.layout = Layout(width=f"{width}px")
            widget.add_class(f"qptlab-{name}")
            boxes.append(HTML(f'<span class="qptlab-name">{name}</span>'))
            boxes.append(widget)
        return HBox(boxes, layout=Layout(flex_flow="row wrap", align_items="center"))

    def _columns(self) -> HBox:
        heading = HBox([self.draw, self.caption], layout=Layout(align_items="center", width="100%"))
        right = VBox([heading, self.orbitals], layout=RIGHT)
        return HBox([self.panel, right], layout=Layout(flex_flow="row wrap", grid_gap="12px"))

    def _show_molecule(self) -> None:
        """The chosen molecule in the 3D view, without orbitals yet."""
        with self._drawing:
            chosen = molecule(self.molecule.value)
            self.orbitals.show_molecule(chosen)
            self.orbitals.view.title = f"{self.molecule.value}, {chosen.formula}"
            self.orbitals.view.note = "orbitals appear on Pause or Stop"
            self._set_caption("")
        self._offer_drawing()

    def _set_caption(self, text: str) -> None:
        self.caption.value = f'<div class="qptlab-caption">{text}</div>'

    def _offer_drawing(self) -> None:
        """Only the molecule that the network has been trained on can be drawn."""
        self.draw.disabled = self.run is None or self._trained[0] != self.molecule.value

    # -- in the training thread ----------------------------------------------------------------

    def _open(self) -> Iterable:
        name, spec = self.molecule.value, f"{self.functional.value}/{self.basis.value.strip()}"
        run = self._build(name, spec)
        self._trained = name, theory(spec)  # before the runner has the run
        return run

    def _follow(self) -> None:
        """Lock the choices while they are in use; draw the orbitals when the training holds."""
        runner = self.panel.runner
        if runner.state == self._state:
            return
        self._state = runner.state
        in_use = runner.active or runner.state == "paused"
        for widget in (self.molecule, self.functional, self.basis):
            widget.disabled = in_use
        self._offer_drawing()
        if runner.state in DRAWN_AT and runner.latest is not None:
            self.draw_orbitals()

    def _draw_prediction(self) -> None:
        run, latest = self.run, self.panel.runner.latest
        if run is None:
            return
        name, spec = self._trained
        prediction = run.predict(molecule(name))
        caption = f"{name} after step {grouped(latest.step) if latest else 0}"
        self._show_orbitals(name, caption, prediction, self._references.get((name, spec)))
        if (name, spec) not in self._references:
            self.panel.runner.submit(
                "asking PySCF", lambda: self._draw_comparison(name, spec, caption, prediction)
            )

    def _draw_comparison(self, name: str, spec: Theory, caption: str, prediction: Any) -> None:
        if name != self.molecule.value:
            return
        from qptlab.reference import pyscf_scf

        reference = pyscf_scf(molecule(name), spec)
        self._show_orbitals(name, caption, prediction, reference)
        self._references[name, spec] = reference  # one that can be shown

    def _show_orbitals(self, name: str, caption: str, prediction: Any, reference: Any) -> None:
        """Show them, unless another molecule has been chosen meanwhile."""
        if reference is not None and not reference.converged:
            caption, reference = f"{caption}; PySCF did not converge", None
        with self._drawing:
            if name == self.molecule.value:
                self.orbitals.show(prediction, reference)
                self._set_caption(caption)


_shown: Workbench | None = None


def workbench() -> Workbench:
    """The workbench as one panel: choose, press Start, watch, turn the orbitals.

    Running the cell again stops the training of the panel that it replaces.
    """
    global _shown
    if _shown is not None:
        _shown.panel.runner.stop()
    _shown = Workbench()
    return _shown

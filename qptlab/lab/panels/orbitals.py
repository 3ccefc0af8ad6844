"""The orbital viewer: a ladder of levels, and each of them in 3D beside PySCF's."""

import threading

import ipywidgets as widgets
from traitlets import link

from qptlab.dft.results import ScfResult
from qptlab.errors import InputError
from qptlab.lab.panels.base import row
from qptlab.lab.panels.signals import by_hand, quietly
from qptlab.lab.views.box import Box
from qptlab.lab.views.level_view import LevelView
from qptlab.lab.views.orbital_names import orbital_index, orbital_name
from qptlab.lab.views.orbital_picture import (
    DENSITY,
    DIFFERENCE,
    PREDICTED,
    PYSCF,
    Comparison,
    check_one_spin,
)
from qptlab.lab.views.orbital_view import OrbitalView
from qptlab.molecule import Molecule

NO_REFERENCE = "Needs a PySCF result of the same molecule to compare with"
MODES = {
    PREDICTED: "Orbitals of the result",
    PYSCF: "Orbitals of PySCF",
    DIFFERENCE: "Predicted minus PySCF",
}


class OrbitalPanel(widgets.VBox):
    """Orbitals and density of a result in 3D, beside those of a PySCF reference where there is one.

    `show` gives it a result; `levels` is the ladder that selects, `orbital`, `isovalue`, `opacity`,
    `labels` and `mode` are its controls and `view` the picture; `shown` are the result and the
    reference that are compared, None before `show`.

    The same without it: `qptlab.dft.ao_values(molecule, theory, points) @ result.mo_coeff[:, i]`.
    """

    def __init__(self, height: int = 420):
        self.view, self.levels = OrbitalView(height=height), LevelView(height=height)
        self.shown: Comparison | None = None
        self._lock = threading.RLock()
        self.orbital = widgets.SelectionSlider(
            options=[("–", 0)], description="orbital", disabled=True,
            layout=widgets.Layout(flex="3 1 250px"),
        )  # fmt: skip
        self.isovalue = widgets.FloatLogSlider(
            value=self.view.isovalue, min=-2, max=-0.7, step=0.02, description="isovalue",
            readout_format=".3f", layout=widgets.Layout(flex="2 1 220px"),
        )  # fmt: skip
        self.opacity = widgets.FloatSlider(
            value=self.view.opacity, min=0.2, max=1.0, step=0.05, description="opacity",
            readout_format=".2f", layout=widgets.Layout(flex="2 1 220px"),
        )  # fmt: skip
        self.labels = widgets.ToggleButton(
            description="labels", icon="tag", tooltip="Name the atoms",
            layout=widgets.Layout(width="84px"),
        )  # fmt: skip
        self.mode = widgets.ToggleButtons(
            options=list(MODES), disabled=True, style={"button_width": "92px"}
        )
        for trait in ("isovalue", "opacity", "labels"):
            link((getattr(self, trait), "value"), (self.view, trait))
        by_hand(self._on_change, self.orbital, self.mode)
        by_hand(self._on_click, self.levels, trait="selected")
        self.view.layout = widgets.Layout(flex="1 1 260px", min_width="0")
        picture = widgets.HBox([self.levels, self.view], layout=widgets.Layout(grid_gap="6px"))
        sliders = row(self.orbital, self.isovalue, self.opacity)
        super().__init__([row(self.mode, self.labels), picture, sliders])

    def show(self, result: ScfResult, reference: ScfResult | None = None) -> None:
        """Shows the orbitals of `result` (ScfResult or Prediction).

        The orbital on show stays the one of the same name where there is one, else it is the HOMO;
        the camera stays where it is until another molecule comes.

        Args:
            result: has `molecule, theory, mo_coeff, mo_energy, n_occ`.
            reference: PySCF's result for the same molecule and basis, or None. Its orbitals are
                turned onto those of `result` first, see `aligned_orbitals`.

        Raises:
            InputError: an open shell, of which only one spin can be shown, or a reference that
                belongs to another molecule or basis.
        """
        with self._lock:
            before, self.shown = self.shown, Comparison.of(result, reference, self.shown)
            if before is None or before.grid_ao is not self.shown.grid_ao:
                molecule = result.molecule
                self.view.show_molecule(molecule, Box.around(molecule.positions))
            self._offer_modes()
            self._offer_orbitals()
            self.levels.show(result, reference)
            self._draw()

    def show_molecule(self, molecule: Molecule) -> None:
        """Shows a molecule whose orbitals are not known yet."""
        with self._lock:
            self.shown = None
            self.orbital.disabled = self.mode.disabled = True
            self.levels.clear()
            self.view.show_molecule(molecule, Box.around(molecule.positions))

    def select(self, which: str | int) -> None:
        """Turns to "density", to "homo", "lumo", "homo-1", … or to a number from 0 on."""
        if self.shown is None:
            raise InputError("there are no orbitals yet; call show(result) first")
        self.orbital.value = _number(which, self.shown.result)

    def _offer_modes(self) -> None:
        alone = self.shown.reference is None
        tips = list(MODES.values())
        self.mode.tooltips = [tips[0], NO_REFERENCE, NO_REFERENCE] if alone else tips
        if alone:
            with quietly():
                self.mode.value = PREDICTED
        self.mode.disabled = alone

    def _offer_orbitals(self) -> None:
        result = self.shown.result
        orbitals = [(orbital_name(i, result.n_occ), i) for i in range(len(result.mo_energy))]
        options = (("density", DENSITY), *orbitals)
        homo = max(result.n_occ - 1, 0)  # one spin may have no electrons
        same_name = dict(options).get(self.orbital.label, homo)
        with quietly():
            if options != self.orbital.options:
                self.orbital.options = options
            self.orbital.value = same_name
        self.orbital.disabled = False

    def _on_change(self) -> None:
        with self._lock:
            if self.shown is not None:
                self._draw()

    def _on_click(self) -> None:
        offered = [value for _, value in self.orbital.options]
        if self.shown is not None and self.levels.selected in offered:
            self.orbital.value = self.levels.selected

    def _draw(self) -> None:
        picture = self.shown.picture(self.orbital.value, self.mode.value)
        alt = picture.in_words(self.shown.result.molecule.formula)
        self.view.show_field(picture.field, picture.title, picture.legend, picture.note, alt)
        with quietly():
            self.levels.selected = self.orbital.value


def view_orbital(
    result: ScfResult, which: str | int = "homo", reference: ScfResult | None = None
) -> OrbitalPanel:
    """The orbitals of a result in 3D, opened at one of them.

    Args:
        result: an ScfResult or a Prediction; of an open shell, `result.of_spin("alpha")` or
            `result.of_spin("beta")`.
        which: "homo", "lumo", "homo-1", "lumo+2", …, "density", or a number counted from 0.
        reference: PySCF's result for the same molecule, to compare with.

    Raises:
        InputError: no such orbital, an open shell, or a reference for another molecule or basis.
    """
    check_one_spin(result)
    _number(which, result)  # before any work
    panel = OrbitalPanel()
    panel.show(result, reference)
    panel.select(which)
    return panel


def _number(which: str | int, result: ScfResult) -> int:
    if isinstance(which, str) and which.strip().lower() == "density":
        return DENSITY
    return orbital_index(which, result.n_occ, len(result.mo_energy))

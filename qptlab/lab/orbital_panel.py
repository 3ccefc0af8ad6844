"""The orbital viewer: a slider over orbitals, the isovalue, and predicted | PySCF | difference."""

import threading
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from qptlab.dft import ao_values, overlap_matrix
from qptlab.lab.alignment import aligned_orbitals
from qptlab.lab.box import Box
from qptlab.lab.orbital_names import energy_text, orbital_index, orbital_name
from qptlab.lab.orbital_view import COLOR_NAMES, OrbitalView
from qptlab.molecule import Molecule
from qptlab.units import MILLIHARTREE_PER_HARTREE

PREDICTED, PYSCF, DIFFERENCE = "predicted", "PySCF", "difference"
NO_REFERENCE = "Needs a PySCF result of the same molecule to compare with"
NOTHING = 1e-6  # an orbital's norm is 1; a smaller difference is rounding


class OrbitalPanel(ipywidgets.VBox):
    """Orbitals of a result in 3D, beside those of a PySCF reference where there is one.

    `show` gives it a result; `orbital`, `isovalue` and `mode` are its controls and `view` the
    picture. The values of the atomic orbitals on the box are computed once per molecule; an
    orbital then costs one matrix-vector product. `show` may be called from any thread.
    """

    def __init__(self, height: int = 420):
        self.view = OrbitalView(height=height)
        self.orbital = ipywidgets.SelectionSlider(
            options=[("–", 0)], description="orbital", disabled=True,
            layout=ipywidgets.Layout(flex="3 1 300px"),
        )  # fmt: skip
        self.isovalue = ipywidgets.FloatLogSlider(
            value=self.view.isovalue, min=-2, max=-0.7, step=0.02, description="isovalue",
            readout_format=".3f", layout=ipywidgets.Layout(flex="2 1 240px"),
        )  # fmt: skip
        self.mode = ipywidgets.ToggleButtons(
            options=[PREDICTED, PYSCF, DIFFERENCE], disabled=True,
            style=ipywidgets.ToggleButtonsStyle(button_width="92px"),
        )  # fmt: skip
        traitlets.link((self.isovalue, "value"), (self.view, "isovalue"))
        self.orbital.observe(self._on_change, "value")
        self.mode.observe(self._on_change, "value")
        self._lock = threading.RLock()
        self._result = self._reference = self._aligned = None
        self._grid_ao = self._overlap = None
        sliders = ipywidgets.HBox(
            [self.orbital, self.isovalue], layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        super().__init__([self.mode, self.view, sliders])

    def show(self, result: Any, reference: Any = None) -> None:
        """Shows the orbitals of `result` (ScfResult or Prediction).

        The orbital on show stays the one of the same name where there is one, else it is the HOMO;
        the camera stays where it is until another molecule comes.

        Args:
            result: has `molecule, theory, mo_coeff, mo_energy, n_occ`.
            reference: PySCF's result for the same molecule and basis, or None. Its orbitals are
                turned onto those of `result` first, see `aligned_orbitals`.

        Raises:
            ValueError: an open shell, of which only one spin can be shown, or a reference that
                belongs to another molecule or basis.
        """
        _check_one_spin(result, "result")
        if reference is not None:
            _check_one_spin(reference, "reference")
            _check_same_basis(result, reference)
        with self._lock:
            if self._grid_ao is None or not _same_basis(result, self._result):
                self._new_molecule(result)
            self._aligned = None if reference is None else self._turned(reference, result)
            self._result, self._reference = result, reference
            self._offer_modes()
            self._offer_orbitals()
            self._draw()

    def show_molecule(self, molecule: Molecule) -> None:
        """Shows a molecule whose orbitals are not known yet."""
        with self._lock:
            self._result = self._reference = self._aligned = self._grid_ao = None
            self.orbital.disabled = self.mode.disabled = True
            self.view.show_molecule(molecule, Box.around(molecule.positions))

    def select(self, which: str | int) -> None:
        """Turns to the orbital "homo", "lumo", "homo-1", … or to a number from 0 on."""
        result = self._result
        if result is None:
            raise ValueError("there are no orbitals yet; call show(result) first")
        self.orbital.value = orbital_index(which, result.n_occ, len(result.mo_energy))

    def _new_molecule(self, result: Any) -> None:
        box = Box.around(result.molecule.positions)
        values = ao_values(result.molecule, result.theory, box.points)
        self._grid_ao = values.astype(np.float32)  # (point, ao); far finer than a byte
        self._overlap = overlap_matrix(result.molecule, result.theory)
        self.view.show_molecule(result.molecule, box)

    def _turned(self, reference: Any, result: Any) -> np.ndarray:
        mine, theirs = np.asarray(result.mo_coeff), np.asarray(reference.mo_coeff)
        energy = np.asarray(reference.mo_energy)
        return aligned_orbitals(mine, theirs, energy, self._overlap, result.n_occ)

    def _offer_modes(self) -> None:
        alone = self._reference is None
        tips = ["Orbitals of the result", "Orbitals of PySCF", "Predicted minus PySCF"]
        self.mode.tooltips = [tips[0], NO_REFERENCE, NO_REFERENCE] if alone else tips
        if alone:
            self._quietly(self.mode, value=PREDICTED)
        self.mode.disabled = alone

    def _offer_orbitals(self) -> None:
        result = self._result
        n_mo = len(result.mo_energy)
        options = tuple((orbital_name(i, result.n_occ), i) for i in range(n_mo))
        homo = max(result.n_occ - 1, 0)  # one spin may have no electrons
        same_name = dict(options).get(self.orbital.label, homo)
        if options != self.orbital.options:
            self._quietly(self.orbital, options=options)
        self._quietly(self.orbital, value=same_name)
        self.orbital.disabled = False

    def _quietly(self, widget: ipywidgets.Widget, **traits: Any) -> None:
        """Sets traits without the redraw that a user's hand would cause."""
        widget.unobserve(self._on_change, "value")
        try:
            for name, value in traits.items():
                setattr(widget, name, value)
        finally:
            widget.observe(self._on_change, "value")

    def _on_change(self, _change: Any) -> None:
        with self._lock:
            if self._result is not None:
                self._draw()

    def _draw(self) -> None:
        index, mode = self.orbital.value, self.mode.value
        name = orbital_name(index, self._result.n_occ)
        formula = self._result.molecule.formula
        if mode == DIFFERENCE:
            field, title, legend, note = self._difference(index, name)
        else:
            source, coeff = {
                PREDICTED: (self._result, self._result.mo_coeff),
                PYSCF: (self._reference, self._aligned),
            }[mode]
            field = self._grid_ao @ np.asarray(coeff)[:, index].astype(np.float32)
            note = "occupied" if index < self._result.n_occ else "empty"
            energy = energy_text(float(source.mo_energy[index]))
            who = f"{mode} · " if self._reference is not None else ""
            title, legend = f"{name} · {who}{energy}", ["positive", "negative"]
        words = ", ".join(
            f"{meaning}: {colour}" for meaning, colour in zip(legend, COLOR_NAMES, strict=False)
        )
        alt = f"{formula} as balls and sticks with the lobes of {title}; {words}; {note}"
        self.view.show_field(field, title, legend, note, alt)

    def _difference(self, index: int, name: str) -> tuple[np.ndarray, str, list[str], str]:
        """Predicted minus PySCF, times a power of ten that makes it visible."""
        coeff = np.asarray(self._result.mo_coeff)[:, index] - self._aligned[:, index]
        field = self._grid_ao @ coeff.astype(np.float32)
        norm = float(np.sqrt(coeff @ self._overlap @ coeff))  # (∫ |difference|²)^½
        energy = float(self._result.mo_energy[index] - self._reference.mo_energy[index])
        what = f"{name} · predicted − PySCF"
        note = f"energy {energy * MILLIHARTREE_PER_HARTREE:+.3f} mHa".replace("-", "−")
        if norm < NOTHING:
            return np.zeros_like(field), f"{what}: no difference", [], note
        factor = 10 ** max(0, round(-np.log10(norm)))
        title = what if factor == 1 else f"{what}, magnified {factor:,}×"
        note = f"norm {norm:.1e} · {note}".replace("e-", "e−")
        return factor * field, title, ["predicted larger", "PySCF larger"], note


def view_orbital(result: Any, which: str | int = "homo", reference: Any = None) -> OrbitalPanel:
    """The orbitals of a result in 3D, opened at one of them.

    Args:
        result: an ScfResult or a Prediction; of an open shell, `result.of_spin("alpha")` or
            `result.of_spin("beta")`.
        which: "homo", "lumo", "homo-1", "lumo+2", …, or a number counted from 0.
        reference: PySCF's result for the same molecule, to compare with.

    Raises:
        ValueError: no such orbital, an open shell, or a reference for another molecule or basis.
    """
    _check_one_spin(result, "result")
    orbital_index(which, result.n_occ, len(result.mo_energy))  # before any work
    panel = OrbitalPanel()
    panel.show(result, reference)
    panel.select(which)
    return panel


def _check_one_spin(result: Any, name: str) -> None:
    if np.ndim(result.mo_energy) > 1:
        raise ValueError(
            f"{result.molecule.formula} is an open shell, whose two spins have orbitals of their "
            f'own; choose one: {name}.of_spin("alpha") or {name}.of_spin("beta")'
        )


def _same_basis(a: Any, b: Any) -> bool:
    return (
        a.molecule.symbols == b.molecule.symbols
        and a.theory.basis == b.theory.basis
        and np.array_equal(a.molecule.positions, b.molecule.positions)
    )


def _check_same_basis(result: Any, reference: Any) -> None:
    if not _same_basis(result, reference):
        raise ValueError(
            "the reference belongs to another molecule, geometry or basis: "
            f"{reference.molecule} in {reference.theory.basis}; "
            f"it must be {result.molecule} in {result.theory.basis}, at the same positions"
        )

"""Orbital energies as a ladder that is clicked: predicted beside PySCF's."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from qptlab.dft.results import ScfResult
from qptlab.lab.views.orbital_names import orbital_name
from qptlab.units import EV_PER_HARTREE

DEEPEST_EV = -45.0
"""Levels below are cores, which would squeeze all others together; they are left out."""
EMPTY_SHOWN = 6


class LevelView(anywidget.AnyWidget):
    """Levels of a result, and of a reference beside them; `selected` is the orbital clicked last.

    Arrow keys move it, too. Orbitals that the ladder leaves out can still be selected elsewhere.
    """

    _esm = Path(__file__).with_name("level_view.js")

    columns = traitlets.List(help="{title, energies in eV}, one or two").tag(sync=True)
    first = traitlets.Int(0, help="number of the lowest orbital shown").tag(sync=True)
    names = traitlets.List(traitlets.Unicode(), help="of the orbitals shown").tag(sync=True)
    n_occ = traitlets.Int(0).tag(sync=True)
    gap = traitlets.Unicode("").tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    height = traitlets.Int(420, help="pixels, fixed").tag(sync=True)

    def show(self, result: ScfResult, reference: ScfResult | None = None) -> None:
        """Shows the levels of `result`, beside those of `reference` where there is one."""
        first, last = shown_levels(result)
        columns = [("predicted" if reference is not None else "levels", result)]
        columns += [("PySCF", reference)] if reference is not None else []
        with self.hold_sync():
            self.first, self.n_occ = first, result.n_occ
            self.names = [orbital_name(i, result.n_occ) for i in range(first, last)]
            self.columns = [
                {"title": title, "energies": _ev(of)[first:last].tolist()} for title, of in columns
            ]
            self.gap = gap_text(result)

    def clear(self) -> None:
        """Shows nothing."""
        self.columns, self.gap = [], ""


def shown_levels(result: ScfResult) -> tuple[int, int]:
    """The first orbital on the ladder, and one past the last: valence and the lowest empty ones."""
    valence = np.flatnonzero(_ev(result) > DEEPEST_EV)
    first = int(valence[0]) if len(valence) else 0
    return min(first, max(result.n_occ - 1, 0)), min(result.n_occ + EMPTY_SHOWN, len(_ev(result)))


def gap_text(result: ScfResult) -> str:
    """The distance of HOMO and LUMO in words; nothing where one of them is missing."""
    if not 0 < result.n_occ < len(result.mo_energy):
        return ""
    levels = _ev(result)
    return f"gap {levels[result.n_occ] - levels[result.n_occ - 1]:.2f} eV"


def _ev(result: ScfResult) -> np.ndarray:
    return np.asarray(result.mo_energy, dtype=float) * EV_PER_HARTREE

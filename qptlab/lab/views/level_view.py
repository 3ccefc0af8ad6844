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
        levels, n_occ = _ev(result), result.n_occ
        valence = np.flatnonzero(levels > DEEPEST_EV)
        first = min(int(valence[0]) if len(valence) else 0, max(n_occ - 1, 0))
        last = min(n_occ + EMPTY_SHOWN, len(levels))
        columns = {"levels": levels}
        if reference is not None:
            columns = {"predicted": levels, "PySCF": _ev(reference)}
        with self.hold_sync():
            self.first, self.n_occ = first, n_occ
            self.names = [orbital_name(i, n_occ) for i in range(first, last)]
            self.columns = [
                {"title": title, "energies": of[first:last].tolist()}
                for title, of in columns.items()
            ]
            has_gap = 0 < n_occ < len(levels)
            self.gap = f"gap {levels[n_occ] - levels[n_occ - 1]:.2f} eV" if has_gap else ""

    def clear(self) -> None:
        """Shows nothing."""
        self.columns, self.gap = [], ""


def _ev(result: ScfResult) -> np.ndarray:
    return np.asarray(result.mo_energy, dtype=float) * EV_PER_HARTREE

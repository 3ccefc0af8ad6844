"""One 3D viewer for ever: a molecule and the two lobes of an orbital, updated in place."""

import anywidget
import numpy as np
import traitlets

from qptlab.errors import InputError
from qptlab.lab.views.box import Box, byte_step, to_bytes
from qptlab.lab.views.bundle import front_end
from qptlab.lab.views.camera import first_view
from qptlab.molecule import Molecule
from qptlab.units import ANGSTROM_PER_BOHR

COLORS, COLOR_NAMES = ("#0072B2", "#E69F00"), ("blue", "orange")
"""Positive and negative lobe: blue and orange of Okabe and Ito, told apart by colour-blind eyes."""


class OrbitalView(anywidget.AnyWidget):
    """A 3D view of one molecule and one orbital-like field, redrawn in place.

    Set it with `show_molecule` and `show_field`; the camera stays where the user turned it until
    another molecule comes. In the page the box carries `data-redraws`, a counter that grows after
    each finished redraw, and `data-title`.
    """

    _esm = front_end()

    atoms = traitlets.List(traitlets.Dict(), help="{elem, x, y, z}, angstrom").tag(sync=True)
    camera = traitlets.List(help="first view, as 3Dmol's setView takes it").tag(sync=True)
    field = traitlets.Bytes(b"", help="int8 per point, z fastest").tag(sync=True)
    shape = traitlets.List([0, 0, 0], help="points along x, y, z").tag(sync=True)
    origin = traitlets.List([0.0, 0.0, 0.0], help="first point, angstrom").tag(sync=True)
    spacing = traitlets.Float(1.0, help="angstrom").tag(sync=True)
    scale = traitlets.Float(byte_step(), help="field per byte step, bohr^-3/2").tag(sync=True)
    isovalue = traitlets.Float(0.05, help="bohr^-3/2").tag(sync=True)
    opacity = traitlets.Float(0.85, help="0 (clear) to 1 (solid)").tag(sync=True)
    labels = traitlets.Bool(False, help="name the atoms").tag(sync=True)
    colors = traitlets.List(list(COLORS), help="positive and negative lobe").tag(sync=True)
    title = traitlets.Unicode("", help="the line above the picture").tag(sync=True)
    legend = traitlets.List([], help="what the two colours mean").tag(sync=True)
    note = traitlets.Unicode("", help="a remark beside the legend").tag(sync=True)
    alt = traitlets.Unicode("", help="the picture in words, for screen readers").tag(sync=True)
    height = traitlets.Int(420, help="pixels, fixed").tag(sync=True)

    def show_molecule(self, molecule: Molecule, box: Box) -> None:
        """Shows another molecule, without lobes yet; fields shown from now on live on `box`."""
        with self.hold_sync():
            for trait, value in scene(molecule, box).items():
                setattr(self, trait, value)
            self.field = b""
            self.title, self.legend, self.note = molecule.formula, [], ""
            self.alt = f"{molecule.formula} as balls and sticks"

    def show_field(
        self, field: np.ndarray, title: str, legend: list[str], note: str = "", alt: str = ""
    ) -> None:
        """Shows the lobes of `field` (point,), bohr^-3/2, on the box given to `show_molecule`.

        The field runs along z fastest; beyond ±0.25 it is cut off. The other arguments are the
        traits of the same names; an empty `alt` is the title.

        Raises:
            InputError: the field has not one value per point of the box.
        """
        if field.shape != (np.prod(self.shape),):
            raise InputError(f"a field of shape {field.shape} on a box of {self.shape} points")
        with self.hold_sync():
            self.field = to_bytes(field)
            self.title, self.legend, self.note, self.alt = title, legend, note, alt or title


def scene(molecule: Molecule, box: Box) -> dict:
    """The traits of an `OrbitalView` that a molecule and its box decide; lengths in angstrom."""
    positions = molecule.positions_angstrom
    return {
        "atoms": [
            {"elem": symbol, "x": x, "y": y, "z": z}
            for symbol, (x, y, z) in zip(molecule.symbols, positions.tolist(), strict=True)
        ],
        "camera": first_view(positions),
        "shape": list(box.shape),
        "origin": [x * ANGSTROM_PER_BOHR for x in box.origin],
        "spacing": box.spacing * ANGSTROM_PER_BOHR,
    }

"""An orbital or the electron density on a grid, in a cube file: for VMD, Avogadro, ChimeraX."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from qptlab.dft import ao_values
from qptlab.dft.results import ScfResult
from qptlab.errors import InputError, quoted
from qptlab.files import replacing
from qptlab.lab.views.box import MARGIN, Box
from qptlab.lab.views.orbital_names import energy_text, orbital_index, orbital_name
from qptlab.lab.views.orbital_picture import check_one_spin
from qptlab.molecule import Molecule

DENSITY = "density"
SPACING = 0.2
"""Distance between grid points, bohr; programs draw the surface straight from them."""
LARGEST = 20_000_000
"""Points that a cube file may have: 260 MB of text."""
POINTS_PER_BLOCK = 20_000


def write_cube(
    result: ScfResult,
    which: str | int,
    path: str | Path,
    spacing: float = SPACING,
    margin: float = MARGIN,
) -> None:
    """Write an orbital (bohr^-3/2) or the electron density (bohr⁻³) as a cube file.

    Args:
        result: an ScfResult or a Prediction; for an orbital of an open shell,
            `result.of_spin("alpha")` or `result.of_spin("beta")`.
        which: "homo", "lumo+1", …, a number from 0 on, or "density"; that of an open shell is the
            density of both spins.
        path: a file to write; its name should end in `.cube`.
        spacing: distance between grid points, bohr.
        margin: room around the outermost atoms, bohr.

    Raises:
        InputError: no such orbital, an open shell, or a grid without points or with too many.
        OSError: the file cannot be written.
    """
    coeff, title = _what_to_write(result, which)
    box = even_box(result.molecule.positions, spacing, margin)
    field = np.empty(np.prod(box.shape))
    points = box.points
    edges = [*range(0, len(field), POINTS_PER_BLOCK), len(field)]
    for begin, end in pairwise(edges):
        values = ao_values(result.molecule, result.theory, points[begin:end])
        field[begin:end] = (
            values @ coeff
            if coeff.ndim == 1
            else np.einsum("pi,pi->p", values @ coeff, values, optimize=True)
        )
    _write(path, result.molecule, box, field, title)


def even_box(positions: np.ndarray, spacing: float, margin: float = MARGIN) -> Box:
    """The box around atoms at `positions` (atom, 3) with exactly this spacing; all in bohr.

    Raises:
        InputError: a spacing or margin that is not positive, or more than `LARGEST` points.
    """
    for name, value in (("spacing", spacing), ("margin", margin)):
        if not 0 < value < np.inf:
            raise InputError(f"{name} {quoted(value)}; expected a length above 0, in bohr")
    box = Box.around(positions, margin, float(spacing))
    points = float(np.prod(box.shape, dtype=float))
    if points > LARGEST:
        raise InputError(
            f"a spacing of {spacing:g} bohr makes {points:.0f} points, at most "
            f"{LARGEST} are allowed; give a larger spacing"
        )
    return box


def _what_to_write(result: ScfResult, which: str | int) -> tuple[np.ndarray, str]:
    """The coefficients (ao,) of an orbital or the matrix D (ao, ao), and a line that says which."""
    what = f"{result.molecule.formula} {result.theory}"
    if isinstance(which, str) and which.strip().lower() == DENSITY:
        dm = np.asarray(result.dm)
        return dm if dm.ndim == 2 else dm.sum(axis=0), f"{what}, electron density (bohr^-3)"
    check_one_spin(result)
    try:
        index = orbital_index(which, result.n_occ, len(result.mo_energy))
    except ValueError as error:
        raise InputError(f'{error}, or "{DENSITY}"') from None
    name, energy = orbital_name(index, result.n_occ), float(result.mo_energy[index])
    title = f"{what}, {name}, {energy_text(energy)}, bohr^-3/2".replace("−", "-")
    return np.asarray(result.mo_coeff)[:, index], title


def _write(path: str | Path, molecule: Molecule, box: Box, field: np.ndarray, title: str) -> None:
    from ase import Atoms
    from ase.io.cube import write_cube as ase_write_cube
    from ase.units import Bohr  # ASE's own, so that its rounding cancels

    sides = np.array(box.shape) * box.spacing * Bohr
    atoms = Atoms(molecule.symbols, positions=molecule.positions * Bohr, cell=sides)
    # without a comment ASE would write the date, and no two files would be the same
    with replacing(path) as place, open(place, "w", encoding="ascii", newline="\n") as file:
        origin = np.array(box.origin) * Bohr
        ase_write_cube(file, atoms, field.reshape(box.shape), origin, title)
        file.write("\n")

"""The molecules of the bench `first`: of the library, and of `first.xyz` beside this file.

Those of the file were embedded from their bonds by RDKit, once, so that nothing random enters.
"""

import functools
from importlib import resources

import numpy as np

from qptlab.errors import InputError, quoted
from qptlab.library import library_names, molecule
from qptlab.molecule import Molecule
from qptlab.reading import xyz

NAMES = (
    "water", "hydrogen-cyanide", "formaldehyde", "glyoxal", "ethanol", "acetone",
    "n-methylacetamide", "uracil", "fluorouracil", "aspirin", "alanine-dipeptide", "nicotine",
    "ibuprofen", "dodecane",
)  # fmt: skip
"""The usual ones, smallest first: 3 to 38 atoms."""
NOISE = 0.02
"""Of another geometry of a molecule, bohr."""


def case_molecule(name: str) -> Molecule:
    """A molecule by its name.

    Raises:
        InputError: neither the file nor the library has it, or it has unpaired electrons.
    """
    found = _of_the_file().get(name)
    if found is None and name not in library_names():
        known = ", ".join([*_of_the_file(), *library_names()])
        raise InputError(f"unknown molecule {quoted(name)}; known: {known}")
    found = molecule(name) if found is None else found
    if found.spin:
        raise InputError(f"networks are for closed shells only; {name} has spin {found.spin}")
    return found


def companion(name: str) -> str:
    """Which of the usual ones is nearest in its number of atoms: it is predicted before."""
    atoms = len(case_molecule(name).symbols)
    others = [other for other in NAMES if other != name]
    return min(others, key=lambda other: abs(len(case_molecule(other).symbols) - atoms))


def moved(mol: Molecule, seed: int) -> Molecule:
    """Another geometry of a molecule, the same one for a seed each time."""
    noise = np.random.default_rng(seed).normal(size=mol.positions.shape)
    return mol.with_positions(mol.positions + NOISE * noise)


@functools.cache
def _of_the_file() -> dict[str, Molecule]:
    text = resources.files("qptlab.bench").joinpath("first.xyz").read_text()
    frames = xyz.frames_of(text, None, None)
    return {frame.comment.strip(): frame.molecule for frame in frames}

"""The molecules that come with qptlab, by name or formula."""

import functools
from importlib import resources

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.reading import xyz


def molecule(name: str, charge: int = 0, spin: int | None = None) -> Molecule:
    """A molecule of the library, by name or formula.

    Args:
        name: for example "water", "ethanol" or "N2"; upper and lower case are the same.
        charge: total charge.
        spin: unpaired electrons; by default those of the neutral molecule's ground state, 2 for
            oxygen.

    Raises:
        InputError: no molecule of that name.

    >>> molecule("water")
    Molecule(H2O, 3 atoms, 10 electrons, charge 0)
    """
    found = next((mol for names, mol in _library() if _key(name) in names), None)
    if found is None:
        raise InputError(f"unknown molecule {quoted(name)}; known: {', '.join(library_names())}")
    return Molecule(found.symbols, found.positions, charge, found.spin if spin is None else spin)


def library_names() -> list[str]:
    """Names that `molecule` knows, smallest molecule first."""
    return [names[0] for names, _ in _library()]


def _key(name: str) -> str:
    return str(name).strip().lower().replace(" ", "-").replace("_", "-")


@functools.cache
def _library() -> list[tuple[list[str], Molecule]]:
    """Molecules with their names and formula, which stand before the first bar of a comment line.

    Their unpaired electrons, where there are any, stand between bars: `| spin 2 |`.
    """
    text = resources.files("qptlab").joinpath("library.xyz").read_text()
    return [
        ([_key(word) for word in frame.comment.partition("|")[0].split()], frame.molecule)
        for frame in xyz.frames_of(text, None, None)
    ]

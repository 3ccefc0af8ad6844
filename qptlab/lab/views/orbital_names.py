"""What chemists call orbitals: HOMO, HOMO-1, LUMO+2, and back to a number."""

import contextlib
import operator
import re

from qptlab.errors import InputError, quoted
from qptlab.units import EV_PER_HARTREE


def orbital_name(index: int, n_occ: int) -> str:
    """The name of orbital `index` (counted from 0) where the lowest `n_occ` are occupied.

    >>> orbital_name(4, n_occ=5), orbital_name(3, n_occ=5), orbital_name(6, n_occ=5)
    ('HOMO', 'HOMO-1', 'LUMO+1')
    """
    if index < n_occ:
        return f"HOMO-{n_occ - 1 - index}" if index < n_occ - 1 else "HOMO"
    return f"LUMO+{index - n_occ}" if index > n_occ else "LUMO"


def orbital_index(which: str | int, n_occ: int, n_mo: int) -> int:
    """The number, counted from 0, of the orbital called `which`.

    Args:
        which: "homo", "lumo", "homo-1", "lumo+2", …, in any case, or a number from 0 on.
        n_occ, n_mo: how many orbitals are occupied, and how many there are.

    Raises:
        InputError: no such orbital.

    >>> orbital_index("homo-1", n_occ=5, n_mo=24)
    3
    """
    names = [f'"homo" to "homo-{n_occ - 1}"'] if n_occ else []
    if n_mo > n_occ:
        names.append(f'"lumo" to "lumo+{n_mo - n_occ - 1}"')
    allowed = f"{', '.join(names)}, or a number from 0 to {n_mo - 1}"
    index, end = None, n_mo
    if isinstance(which, str):
        if match := re.fullmatch(r"(homo)(-\d+)?|lumo(\+\d+)?", which.strip().lower()):
            homo, down, up = match.groups()
            index = n_occ - 1 + int(down or 0) if homo else n_occ + int(up or 0)
            end = n_occ if homo else n_mo
    elif not isinstance(which, bool):
        with contextlib.suppress(TypeError):
            index = operator.index(which)
    if index is None:
        raise InputError(f"{quoted(which)} does not name an orbital; give {allowed}")
    if not 0 <= index < end:
        raise InputError(f"there is no orbital {quoted(which)} here; give {allowed}")
    return index


def energy_text(energy: float) -> str:
    """An orbital energy (hartree) as people read it, in both units.

    >>> energy_text(-0.25)
    '−0.2500 Ha (−6.80 eV)'
    """
    return f"{energy:.4f} Ha ({energy * EV_PER_HARTREE:.2f} eV)".replace("-", "−")

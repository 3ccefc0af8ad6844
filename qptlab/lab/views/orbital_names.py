"""What chemists call orbitals: HOMO, HOMO-1, LUMO+2, and back to a number."""

import operator
import re

from qptlab.errors import InputError
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
    index = _parse(which, n_occ)
    if index is None:
        raise InputError(f"{which!r} does not name an orbital; give {allowed}")
    lowest, highest = (0, n_occ) if _is_homo(which) else (0, n_mo)
    if not lowest <= index < highest:
        raise InputError(f"there is no orbital {which!r} here; give {allowed}")
    return index


def energy_text(energy: float) -> str:
    """An orbital energy (hartree) as people read it, in both units.

    >>> energy_text(-0.25)
    '−0.2500 Ha (−6.80 eV)'
    """
    return f"{energy:.4f} Ha ({energy * EV_PER_HARTREE:.2f} eV)".replace("-", "−")


def _parse(which: str | int, n_occ: int) -> int | None:
    if isinstance(which, str):
        match = re.fullmatch(r"(homo)(-\d+)?|(lumo)(\+\d+)?", which.strip().lower())
        if not match:
            return None
        homo, down, _, up = match.groups()
        return n_occ - 1 + int(down or 0) if homo else n_occ + int(up or 0)
    try:
        return None if isinstance(which, bool) else operator.index(which)
    except TypeError:
        return None


def _is_homo(which: str | int) -> bool:
    return isinstance(which, str) and which.strip().lower().startswith("homo")

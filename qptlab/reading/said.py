"""What a source says of a molecule besides its atoms: charge, spin and unit of length."""

from dataclasses import dataclass, replace

import numpy as np

from qptlab.errors import InputError

CHARGES = ("initial_charges", "charges", "charge")
MOMENTS = ("initial_magmoms", "magmoms", "magmom")
"""Names under which files give each atom its charge and magnetic moment (n_α − n_β)."""
WHOLE_ENOUGH = 0.01
"""Charges and magnetic moments of atoms add up to a whole number within this."""


@dataclass(frozen=True)
class Said:
    """What a source says of its molecule besides the atoms; None where it says nothing."""

    charge: int | None = None
    spin: int | None = None
    in_bohr: bool = False


def with_atoms(
    said: Said, columns: dict[str, np.ndarray], charge: int | None, spin: int | None
) -> Said:
    """What was said, with what charges and magnetic moments of the atoms add up to.

    Raises:
        InputError: sums that are no whole numbers, or not what is said besides; moments that
            cancel.
    """
    for name in CHARGES:
        if name in columns and charge is None:
            total = _whole(f"{name} of the atoms", columns[name])
            if said.charge not in (None, total):
                raise InputError(f"the comment says charge {said.charge}, {name} add up to {total}")
            said = replace(said, charge=total)
    for name in MOMENTS:
        if name in columns and spin is None:
            moments = columns[name]
            total = abs(_whole(f"{name} of the atoms", moments))
            if total == 0 and np.abs(moments).max() > WHOLE_ENOUGH and said.spin is None:
                raise InputError(
                    f"{name} of the atoms cancel; a state with such spins is not computed: "
                    "give spin=0 for the closed shell"
                )
            if said.spin not in (None, total):
                raise InputError(f"the comment says spin {said.spin}, {name} add up to {total}")
            said = replace(said, spin=total)
    return said


def _whole(what: str, values: np.ndarray) -> int:
    total = float(np.sum(values))
    if not np.isfinite(total) or abs(total - round(total)) > WHOLE_ENOUGH:
        raise InputError(f"{what} add up to {total:.3f}; expected a whole number")
    return round(total)

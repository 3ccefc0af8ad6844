"""Linux lets a process have only so many memory maps, and compiled code takes many of them."""

from collections.abc import Iterable
from pathlib import Path

from qptlab.errors import InputError
from qptlab.molecule import Molecule

LIMIT = Path("/proc/sys/vm/max_map_count")
BASE, PER_MOLECULE = 2_000, 760
"""Maps of a training, and for each molecule that it compiles code for; measured with JAX 0.10."""


def check_memory_maps(molecules: Iterable[Molecule]) -> None:
    """Raise `InputError` where code for so many different molecules would not fit.

    The compiler would end the process halfway instead, and say that it cannot allocate memory.
    """
    if not LIMIT.is_file():
        return
    n_molecules = len({(molecule.symbols, molecule.charge) for molecule in molecules})
    allowed, needed = int(LIMIT.read_text()), BASE + PER_MOLECULE * n_molecules
    if needed > allowed:
        raise InputError(
            f"training on {n_molecules} different molecules takes about {needed:,} memory maps and "
            f"this system allows a process {allowed:,}; allow more, for example "
            f"`sudo sysctl -w vm.max_map_count={max(262_144, 2 * needed)}`, or train on fewer"
        )

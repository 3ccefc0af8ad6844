"""How large a calculation will be, known before anything is computed."""

from dataclasses import dataclass

from qptlab.dft import xc
from qptlab.dft.grid import n_grid_points
from qptlab.dft.mol import pyscf_mol, shells_of
from qptlab.dft.repulsion import with_auxiliary
from qptlab.molecule import Molecule
from qptlab.theory import Theory


@dataclass(frozen=True)
class Size:
    """What memory and time depend on.

    Attributes:
        n_ao, n_shell, n_occ: atomic orbitals, shells that they form, occupied orbitals.
        n_aux: auxiliary functions; 0 for exact integrals.
        n_grid: grid points; 0 for Hartree–Fock.
    """

    n_ao: int
    n_shell: int
    n_occ: int
    n_aux: int
    n_grid: int


def size(molecule: Molecule, theory: Theory) -> Size:
    """Count orbitals, auxiliary functions and grid points, in milliseconds.

    Raises:
        InputError: a molecule and theory that cannot be computed, as `integrals`.
    """
    mol = pyscf_mol(molecule, theory)
    fitted, on_grid = theory.coulomb == "df", xc.functional(theory.xc).needs != "none"
    return Size(
        n_ao=int(mol.nao),
        n_shell=len(shells_of(mol)),
        n_occ=int(mol.nelec[0]),
        n_aux=int(with_auxiliary(mol)[1].nao) if fitted else 0,
        n_grid=n_grid_points(molecule, theory) if on_grid else 0,
    )

"""The checked PySCF molecule: basis, core potentials, electron count, shells."""

import functools
from collections import Counter
from collections.abc import Iterable

from pyscf import gto

from qptlab.dft.basis_sets import core_potential, library_shells, orbital_shells
from qptlab.dft.shells import Shells, shell_table
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.theory import Theory

AUX_BASIS = "def2-universal-jkfit"
LARGEST_EXACT_BYTES = 4 * 2**30
LARGEST_L = 3


@functools.lru_cache(maxsize=16)
def pyscf_mol(molecule: Molecule, theory: Theory):
    """The `pyscf.gto.Mole` of a molecule, core potentials of the basis included.

    Raises:
        InputError: a spin that its electrons cannot have, a basis that `orbital_shells` refuses,
            functions beyond f, or a core that the fitted integrals lack.
    """
    basis, potentials = basis_and_potentials(theory.basis, molecule.symbols)
    _check_shells(theory.basis, basis)
    check_electrons(molecule)
    mol = gto.Mole()
    mol.atom = list(zip(molecule.symbols, molecule.positions.tolist(), strict=True))
    mol.unit, mol.charge, mol.spin, mol.verbose = "Bohr", molecule.charge, molecule.spin, 0
    mol.basis, mol.ecp = basis, potentials
    mol.build(dump_input=False, parse_arg=False)
    if mol.nelectron < max(molecule.spin, 1):
        raise InputError(f"no electrons of {molecule} are left outside {theory.basis}'s potentials")
    if mol.nelec[0] > mol.nao:
        what = "α electrons" if molecule.spin else "pairs of electrons"
        raise InputError(
            f"{mol.nelec[0]} {what} do not fit in {mol.nao} orbitals of {theory.basis}"
        )
    if theory.coulomb == "df":
        _check_fitted_core(mol, theory)
    return mol


def _check_shells(name: str, basis: dict[str, list]) -> None:
    """Raise `InputError` where there are functions that our code does not compute."""
    for element, shells in basis.items():
        if max(shell[0] for shell in shells) > LARGEST_L:
            raise InputError(
                f"basis {quoted(name)} has functions beyond f for {element}; up to f is allowed"
            )


def _check_fitted_core(mol, theory: Theory) -> None:
    """Raise `InputError` where `AUX_BASIS` does not reach the core electrons of an element.

    It is made for def2 sets, whose potentials replace 28 electrons or more beyond krypton. Those
    cost HI in sto-3g 28 hartree, AgF 89.
    """
    for element, n_electrons in zip(mol.elements, mol.atom_charges(), strict=True):
        fitted = core_potential("def2-svp", element)
        n_fitted = gto.charge(element) - (fitted[0] if fitted else 0)
        if n_electrons > n_fitted:
            raise InputError(
                f"{AUX_BASIS} fits {n_fitted} electrons of {element}, {theory.basis} has "
                f"{n_electrons}: fitted integrals are hartrees off; use coulomb='exact' or def2-svp"
            )


def check_electrons(molecule: Molecule) -> None:
    """Raise `InputError` where the electrons cannot have the spin."""
    n, charge, spin = molecule.n_electrons, molecule.charge, molecule.spin
    what = f"{n} electron{'s' if n != 1 else ''} in {molecule.formula} with charge {charge}"
    if n < 1:
        raise InputError(f"{what}; at least one is needed: give charge={charge + n - 1} or less")
    spins = [s for s in (spin - 1, spin + 1) if 0 <= s <= n]
    if spin > n:
        raise InputError(f"{what} cannot have spin {spin} (n_α − n_β): give spin={n} or less")
    if (n - spin) % 2:
        charges = [str(charge + 1)] * (n > 1) + [str(charge - 1)]
        raise InputError(
            f"{what} cannot have spin {spin} (n_α − n_β): "
            f"give spin={' or '.join(map(str, spins))}, or charge={' or '.join(charges)}"
        )


def basis_and_potentials(name: str, elements: Iterable[str]) -> tuple[dict, dict]:
    """Shells of each element, and the core potentials of those that have one, as PySCF's.

    Raises:
        InputError: as `orbital_shells`.
    """
    elements = sorted(set(elements))
    potentials = {element: core_potential(name, element) for element in elements}
    return (
        {element: orbital_shells(name, element) for element in elements},
        {element: potential for element, potential in potentials.items() if potential},
    )


def aux_basis(elements: Iterable[str]) -> dict[str, list]:
    """Shells of `AUX_BASIS`; `InputError` for an element it lacks."""
    found = {element: library_shells(AUX_BASIS, element) for element in sorted(set(elements))}
    missing = [element for element, shells in found.items() if not shells]
    if missing:
        raise InputError(
            f"the auxiliary basis {AUX_BASIS} has no functions for {', '.join(missing)}; "
            "use coulomb='exact'"
        )
    return found


def check_exact_size(n_ao: int) -> None:
    """Raise `InputError` where all electron-repulsion integrals would be more than PySCF makes."""
    n_pair = n_ao * (n_ao + 1) // 2
    if 8 * n_pair**2 > LARGEST_EXACT_BYTES:
        raise InputError(
            f"exact integrals of {n_ao} orbitals take {8 * n_pair**2 / 2**30:.1f} GiB, "
            f"at most {LARGEST_EXACT_BYTES / 2**30:.0f} GiB are allowed; use coulomb='df'"
        )


def shells_of(mol) -> Shells:
    """The shells of a `pyscf.gto.Mole` with spherical functions, in its order."""
    rows: list[tuple[int, int, int, int]] = []
    seen: Counter = Counter()
    for bas in range(mol.nbas):
        atom, l = mol.bas_atom(bas), mol.bas_angular(bas)
        # not mol.atom_charge: a core potential lowers that
        number = gto.charge(mol.atom_pure_symbol(atom))
        for _ in range(mol.bas_nctr(bas)):
            rows.append((atom, number, l, seen[atom, l]))
            seen[atom, l] += 1
    return shell_table(rows)

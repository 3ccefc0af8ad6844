"""The checked PySCF molecule: basis, core potentials, electron count, shells."""

import functools
import warnings
from collections import Counter
from collections.abc import Iterable

from pyscf import gto
from pyscf.data.elements import ELEMENTS

from qptlab.dft.shells import Shells
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
        InputError: a spin that its electrons cannot have, unknown basis, an element the basis
            lacks, or functions beyond f.
    """
    elements = sorted(set(molecule.symbols))
    basis = {element: _basis(theory.basis, element) for element in elements}
    _check_electrons(molecule)
    mol = gto.Mole()
    mol.atom = list(zip(molecule.symbols, molecule.positions.tolist(), strict=True))
    mol.unit, mol.charge, mol.spin, mol.verbose = "Bohr", molecule.charge, molecule.spin, 0
    mol.basis, mol.ecp = basis, _core_potentials(theory.basis, elements)
    mol.build(dump_input=False, parse_arg=False)
    if mol.nelectron < max(molecule.spin, 1):
        raise InputError(f"no electrons of {molecule} are left outside {theory.basis}'s potentials")
    if mol.nelec[0] > mol.nao:
        what = "α electrons" if molecule.spin else "pairs of electrons"
        raise InputError(
            f"{mol.nelec[0]} {what} do not fit in {mol.nao} orbitals of {theory.basis}"
        )
    return mol


def _check_electrons(molecule: Molecule) -> None:
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


def _basis(name: str, element: str) -> list:
    shells = _load_basis(name, element)
    if not shells:
        if any(_load_basis(name, other) for other in ("H", "C", "O", "Zn", "I")):
            raise InputError(f"basis {quoted(name)} has no functions for {element}")
        raise InputError(
            f"unknown basis {quoted(name)}; "
            "try sto-3g, 6-31g*, def2-svp or another of PySCF's names"
        )
    if max(shell[0] for shell in shells) > LARGEST_L:
        raise InputError(
            f"basis {quoted(name)} has functions beyond f for {element}; up to f is allowed"
        )
    return shells


@functools.cache
def _load_basis(name: str, element: str) -> list | None:
    """Shells of one element as PySCF writes them; None where it has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "may be available in basis-set-exchange"
        try:
            return gto.basis.load(name, element)
        except Exception:  # PySCF raises many kinds here, KeyError to BasisNotFoundError
            return None


def _core_potentials(name: str, elements: list[str]) -> dict[str, list]:
    """The effective core potentials that belong to a basis, by element."""
    _, numbers = gto.mole.bse_predefined_ecp(name, elements)
    symbols = [ELEMENTS[number] for number in sorted(numbers or ())]
    return {symbol: gto.basis.load_ecp(name, symbol) for symbol in symbols}


def aux_basis(elements: Iterable[str]) -> dict[str, list]:
    """Shells of `AUX_BASIS`; `InputError` for an element it lacks."""
    found = {element: _load_basis(AUX_BASIS, element) for element in sorted(set(elements))}
    missing = [element for element, shells in found.items() if not shells]
    if missing:
        raise InputError(
            f"the auxiliary basis {AUX_BASIS} has no functions for {', '.join(missing)}; "
            "use coulomb='exact'"
        )
    return found


def check_exact_size(mol) -> None:
    """Raise `InputError` where all electron-repulsion integrals would not fit."""
    n_pair = mol.nao * (mol.nao + 1) // 2
    if 8 * n_pair**2 > LARGEST_EXACT_BYTES:
        raise InputError(
            f"exact integrals of {mol.nao} orbitals take {8 * n_pair**2 / 2**30:.1f} GiB, "
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
    return Shells(*zip(*rows, strict=True))

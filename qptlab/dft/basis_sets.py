"""Basis sets by name: PySCF's own library, each with the core potentials that it was made for.

Many sets stand for valence electrons only and give energies that are hartrees off, converged,
without their potentials. So every set must hold all electrons of an element that its potential
leaves: the 1s level of the bare nucleus shows whether there are functions for the core.
"""

import functools
import math
import re
import warnings

import scipy.linalg
from pyscf import gto, scf
from pyscf.data.elements import CONFIGURATION
from pyscf.lib.exceptions import BasisNotFoundError

from qptlab.errors import InputError, quoted

LOWEST_CORE_SHARE = 0.95
"""Of −Z²/2, what the 1s level of the bare nucleus must reach in a set for all electrons.

Over PySCF's library: at least 0.979 (sto-3g, Li) in sets for all electrons, at most 0.931 (crenbl,
Be) in those for valence electrons. Below are also contractions for relativistic Hamiltonians, from
technetium on: the electrons of their core are tens of hartree off in a non-relativistic one.
"""
_WITHOUT_CORE = ("H", "He")
"""Hydrogen and helium have no core; minimal sets reach only 0.92 for their one shell."""

_POTENTIALS = (
    (r"(ccecp(?:he|reg|28|36)?)(?:aug)?ccpv.z", r"\1"),
    (r"bfdv.z", "bfd"),
    (r"def2mtzvpp?", "def2tzvp"),
    (r"(?:aug)?ccpw?c?v(.)zpp", r"ccpv\1zpp"),
    (r"qavgvszps", "ecpqvszp"),
)
"""Where the potentials are that a set's own file lacks: by the set's key, the key of theirs."""
_ONLY_POTENTIALS = re.compile(r"bfd|bfdpp|ccecp(he|reg|28|36)?|ecp.*")
_FOR_FITTING = re.compile(r"fit|-ri\.|optri|^sap_", re.IGNORECASE)
"""In the names of the library's files for densities and potentials, not for orbitals."""
_POPLE = re.compile(r"(321|431|631|6311)\+{0,2}g\((\d?[pdf])+(,(\d?[pdf])+)?\)")
_CUT = re.compile(r"(\d+[spdfghi])+")


def orbital_shells(name: str, element: str) -> list:
    """Shells of one element, as PySCF writes them, that hold all its electrons outside the core.

    Args:
        name: of PySCF's own library, in any spelling it takes ("6-31G(d,p)", "ano@3s2p1d").

    Raises:
        InputError: an unknown name, one of another purpose, an element the set lacks, or
            electrons that neither the set nor a potential of its own stands for.
    """
    _check_name(name)
    shells = library_shells(name, element)
    if not shells:
        such = "such " if "@" in name else ""
        raise InputError(f"basis {quoted(name)} has no {such}functions for {element}")
    potential = core_potential(name, element)
    n_core = potential[0] if potential else 0
    if not potential and element not in _WITHOUT_CORE:
        share = _core_share(shells, element)
        if share < LOWEST_CORE_SHARE:
            raise InputError(
                f"basis {quoted(name)} gives the 1s electrons of {element} {share:.1%} of their "
                "energy and PySCF has no core potential for it: it is for valence electrons only, "
                "or contracted for a relativistic Hamiltonian; try def2-svp"
            )
    if not _holds(shells, element, n_core):
        raise InputError(
            f"basis {quoted(name)} has too few functions for the electrons of {element}"
        )
    return shells


@functools.cache
def core_potential(name: str, element: str) -> list | None:
    """The effective core potential of one element that belongs to a basis, or None.

    Its first item is the number of electrons it replaces: 0 where it only smooths the nucleus.
    """
    key = _key(name).partition("@")[0]
    for pattern, other in _POTENTIALS:
        key = re.sub(f"^{pattern}$", other, key)
    if not str(gto.basis.ALIAS.get(key)).endswith(".dat"):
        return None  # of several files, or of Python's: none of these holds potentials
    try:
        return gto.basis.load_ecp(_only_in_library(key), element) or None
    except BasisNotFoundError:  # one that PySCF cannot read: bfd, Zn
        return None


@functools.cache
def library_shells(name: str, element: str) -> list | None:
    """Shells of one element from PySCF's own files; None where these have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "may be available in basis-set-exchange"
        try:
            return gto.basis.load(_only_in_library(_key(name)), element)
        except Exception:  # PySCF raises many kinds here, KeyError to BasisNotFoundError
            return None


def _key(name: str) -> str:
    """A name as PySCF's tables have it: small letters without hyphens, underscores and blanks."""
    return re.sub(r"[-_\s]", "", name.lower())


def _only_in_library(key: str) -> str:
    """PySCF drops the blanks; files of that name, and other libraries, have none with blanks."""
    return f" {key} "


def _check_name(name: str) -> None:
    """Raise `InputError` unless the name is one of an orbital basis in the library."""
    shown = quoted(name)
    key, at, cut = _key(name).partition("@")
    file = str(gto.basis.ALIAS.get(key, ""))
    if "gth" in key or "molopt" in key:
        raise InputError(f"basis {shown} is for GTH pseudopotentials, which qptlab does not have")
    if file and _ONLY_POTENTIALS.fullmatch(key):
        raise InputError(f"{shown} is a core potential, not a basis; try def2-svp")
    if _FOR_FITTING.search(file):
        raise InputError(f"basis {shown} is for fitting, not for orbitals; try def2-svp")
    if not (file or _POPLE.fullmatch(key)) or (at and not _CUT.fullmatch(cut)):
        raise InputError(
            f"unknown basis {shown}; try sto-3g, 6-31g*, def2-svp or another of PySCF's names"
        )


def _core_share(shells: list, element: str) -> float:
    """The 1s level of the bare nucleus in these shells over the exact one, −Z²/2 hartree."""
    s_shells = [shell for shell in shells if shell[0] == 0]
    if not s_shells:
        return 0.0
    mol = gto.M(atom=[(element, (0, 0, 0))], basis={element: s_shells}, spin=None, verbose=0)
    levels = scipy.linalg.eigvalsh(scf.hf.get_hcore(mol), mol.intor("int1e_ovlp"))
    return float(levels[0] / (-(gto.charge(element) ** 2) / 2))


def _holds(shells: list, element: str, n_core: int) -> bool:
    """Whether there is a function for every atomic orbital that is occupied outside the core."""
    core = gto.ecp.core_configuration(n_core)
    for l, (n_electrons, n_replaced) in enumerate(zip(_configuration(element), core, strict=True)):
        functions = sum(len(shell[-1]) - 1 for shell in shells if shell[0] == l)
        if functions < math.ceil(n_electrons / (4 * l + 2)) - n_replaced:
            return False
    return True


def _configuration(element: str) -> list[int]:
    """Numbers of s, p, d and f electrons in the ground state of the atom."""
    return CONFIGURATION[gto.charge(element)]

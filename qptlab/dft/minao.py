"""The `minao` starting density: occupied atomic orbitals projected onto the basis.

PySCF's `init_guess_by_minao`, number for number, with the parsing of its ANO basis done once per
element: on small molecules that parsing costs more than all the integrals.
"""

import functools
import warnings

import numpy as np
import scipy.linalg
from pyscf import gto, scf
from pyscf.scf import atom_hf

from qptlab.errors import InputError

LARGEST_ANO_NUMBER = 96
MOST_L = 4
SAME_ORBITALS = 0.1
"""Determinant of the overlap with the ANO basis above which a basis has atomic orbitals."""


def minao_guess(mol) -> np.ndarray:
    """(ao, ao): density matrix, in electrons, of a `pyscf.gto.Mole`.

    Source: Almlöf, Faegri, Korsell, J. Comput. Chem. 3, 385 (1982).
    """
    if _heaviest(mol) > LARGEST_ANO_NUMBER:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on cores and potentials
            return np.asarray(scf.hf.init_guess_by_minao(mol))
    minimal, occupation = minimal_atoms(mol)
    cross = gto.intor_cross("int1e_ovlp", mol, minimal)
    coeff = scipy.linalg.solve(mol.intor_symmetric("int1e_ovlp"), cross, assume_a="pos")
    return (coeff * occupation) @ coeff.T


def minimal_atoms(mol):
    """The same atoms in a minimal basis, a `pyscf.gto.Mole`, and its occupation (minimal ao,).

    Raises:
        InputError: an element that PySCF has no minimal basis for.
    """
    if _heaviest(mol) > LARGEST_ANO_NUMBER:
        raise InputError(f"no minimal basis beyond element {LARGEST_ANO_NUMBER} for minao")
    basis, occupation = {}, {}
    for atom, element in enumerate(mol.elements):
        if element not in basis:
            n_core = mol.atom_nelec_core(atom)
            basis[element], occupation[element] = (
                _outside_core(element, n_core, mol._basis[element])
                if n_core
                else _ano_basis(element, (0,) * MOST_L)
            )
    return _bare(mol._atom, basis), np.hstack([occupation[element] for element in mol.elements])


def _bare(atoms: list, basis: dict):
    """A `pyscf.gto.Mole` of these atoms and shells, without the time that parsing them takes."""
    mol = gto.Mole()
    mol._atm, mol._bas, mol._env = mol.make_env(atoms, basis, [])
    mol._built = True
    return mol


def _heaviest(mol) -> int:
    return max(gto.charge(element) for element in mol.elements)


@functools.cache
def _ano_basis(element: str, core: tuple[int, ...]) -> tuple[list, np.ndarray]:
    """ANO shells that an atom fills, and their occupation (averaged over open shells).

    A core potential replaces `core[l]` shells of each l.
    """
    contractions = gto.basis.load("ano", element)
    shells, occupation = [], []
    for l in range(MOST_L):
        full, fraction = atom_hf.frac_occ(element, l)
        if full >= core[l]:
            filled = [2.0] * (full - core[l]) + [fraction]
            occupation.append(np.repeat(filled, 2 * l + 1))
            primitives = contractions[l][1:]
            shells.append([l] + [row[:1] + row[1 + core[l] : full + 2] for row in primitives])
    return shells, np.hstack(occupation)


def _outside_core(element: str, n_core: int, basis: list) -> tuple[list, np.ndarray]:
    """As `_ano_basis` around a core potential, but the basis itself where it is contracted so.

    The potential replaces `n_core` electrons; `basis` has this element's shells as PySCF's own.
    """
    core = tuple(gto.ecp.core_configuration(n_core, atom_symbol=element))
    ano, ano_occupation = _ano_basis(element, core)
    own, occupation = [], []
    for l in range(MOST_L):
        shells = [shell for shell in basis if shell[0] == l]
        filled = np.zeros(sum(len(shell[1]) - 1 for shell in shells))
        full, fraction = atom_hf.frac_occ(element, l)
        full -= core[l]
        filled[:full] = 2
        if fraction > 0 and len(filled):
            filled[full] = fraction
        own += shells
        occupation.append(np.repeat(filled, 2 * l + 1))
    occupation = np.hstack(occupation)
    atoms = (_bare([[element, (0.0, 0.0, 0.0)]], {element: shells}) for shells in (own, ano))
    overlap = gto.intor_cross("int1e_ovlp", *atoms)
    alike = overlap[occupation > 0][:, ano_occupation > 0]
    if abs(np.linalg.det(alike)) > SAME_ORBITALS:
        return own, occupation
    return ano, ano_occupation

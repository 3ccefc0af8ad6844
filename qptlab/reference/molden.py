"""Orbitals in a Molden file, for Avogadro, Jmol, Multiwfn and others."""

import io
import re
from pathlib import Path

import numpy as np

from qptlab.dft import ScfResult
from qptlab.dft.mol import pyscf_mol
from qptlab.errors import InputError


def write_molden(result: ScfResult, path: str | Path) -> None:
    """Write all orbitals of a result, with energies (hartree) and occupations, as a Molden file.

    Args:
        result: an ScfResult or a Prediction; of an open shell, both spins are written.
        path: a file to write; its name should end in `.molden`.

    Raises:
        InputError: one spin of an open shell.
        OSError: the file cannot be written.
    """
    from pyscf.tools import molden

    if result.molecule.spin and not result.is_open_shell:
        raise InputError(
            "a Molden file holds both spins of an open shell; give the whole result, not one spin"
        )
    mol = pyscf_mol(result.molecule, result.theory)
    header = io.StringIO()
    molden.header(mol, header, ignore_h=False)
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write(_with_atomic_numbers(header.getvalue()))
        for spin, coeff, energy, occupation in _by_spin(result):
            molden.orbital_coeff(mol, file, coeff, spin, ene=energy, occ=occupation, ignore_h=False)


def _with_atomic_numbers(header: str) -> str:
    """PySCF writes the charges that core potentials leave, and readers see other elements then."""
    from pyscf.gto import charge

    atom = re.compile(r"^([A-Z][a-z]?)( +\d+ +)\d+(?=( +-?\d+\.\d+){3}$)", re.MULTILINE)
    return atom.sub(lambda found: f"{found[1]}{found[2]}{charge(found[1])}", header)


def _by_spin(result: ScfResult) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Name, C (ao, mo), ε (mo,) and occupations (mo,) of each set of orbitals."""
    if not result.is_open_shell:
        spins, most = [("Alpha", result.mo_coeff, result.mo_energy, result.n_occ)], 2.0
    else:
        names = "Alpha", "Beta"
        spins = list(zip(names, result.mo_coeff, result.mo_energy, result.n_occ, strict=True))
        most = 1.0
    return [
        (name, np.asarray(coeff), np.asarray(energy), most * (np.arange(len(energy)) < n_occ))
        for name, coeff, energy, n_occ in spins
    ]

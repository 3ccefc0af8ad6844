"""Orbitals in a Molden file, for Avogadro, Jmol, Multiwfn and others."""

import io
import re
from pathlib import Path

import numpy as np
from pyscf.gto import charge
from pyscf.tools import molden

from qptlab.dft import ScfResult
from qptlab.dft.mol import pyscf_mol
from qptlab.errors import InputError
from qptlab.files import replacing


def write_molden(result: ScfResult, path: str | Path) -> None:
    """Write all orbitals of a result, with energies (hartree) and occupations, as a Molden file.

    Args:
        result: an ScfResult or a Prediction; of an open shell, both spins are written.
        path: a file to write; its name should end in `.molden`.

    Raises:
        InputError: one spin of an open shell.
        OSError: the file cannot be written.
    """
    if result.molecule.spin and not result.is_open_shell:
        raise InputError(
            "a Molden file holds both spins of an open shell; give the whole result, not one spin"
        )
    mol = pyscf_mol(result.molecule, result.theory)
    names = ("Alpha", "Beta")  # a closed shell has the first only
    coeffs = result.mo_coeff if result.is_open_shell else result.mo_coeff[None]
    energies, n_occs = np.atleast_2d(result.mo_energy), np.atleast_1d(result.n_occ)
    header = io.StringIO()
    molden.header(mol, header, ignore_h=False)
    with replacing(path) as place, open(place, "w", encoding="ascii", newline="\n") as file:
        file.write(_with_atomic_numbers(header.getvalue()))
        for spin, coeff, energy, n_occ in zip(names, coeffs, energies, n_occs, strict=False):
            filled = (2 / len(n_occs)) * (np.arange(len(energy)) < n_occ)
            molden.orbital_coeff(mol, file, coeff, spin, ene=energy, occ=filled, ignore_h=False)


def _with_atomic_numbers(header: str) -> str:
    """PySCF writes the charges that core potentials leave, and readers see other elements then."""
    atom = re.compile(r"^([A-Z][a-z]?)( +\d+ +)\d+(?=( +-?\d+\.\d+){3}$)", re.MULTILINE)
    return atom.sub(lambda found: f"{found[1]}{found[2]}{charge(found[1])}", header)

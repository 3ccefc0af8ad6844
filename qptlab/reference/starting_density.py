"""A trained network's density as the start of a PySCF calculation."""

import numpy as np
from pyscf import scf

from qptlab.dft.integrals import overlap_matrix
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import predict

SAME_OVERLAP = 1e-8
"""Largest difference of overlap matrices of one basis in one order of orbitals."""


def initial_guess(mf, model: Network, refine: int = 0) -> np.ndarray:
    """The density that a network predicts, for `mf.kernel(dm0=...)`.

    Args:
        mf: a PySCF mean field of a closed shell, restricted or unrestricted, Kohn–Sham or
            Hartree–Fock, exact or density-fitted; it is not changed.
        model: trained in the same basis set. Its functional may be another: then the density is
            that functional's.
        refine: refining iterations, one Fock build each.

    Returns:
        (ao, ao), electrons; (2, ao, ao) for an unrestricted `mf`.

    Raises:
        InputError: a molecule, basis or order of orbitals that the network is not for.

    >>> import qptlab as ql
    >>> from qptlab.reference import pyscf_mean_field
    >>> water = ql.molecule("water")
    >>> mf = pyscf_mean_field(water, "pbe/sto-3g")
    >>> ql.initial_guess(mf, ql.BlockQPT.create(water, "pbe/sto-3g")).shape
    (7, 7)
    """
    mol = mf.mol
    molecule = _molecule(mol)
    model.check(molecule)
    _check_orbitals(mol, molecule, model)
    dm = predict(model, molecule, refine).dm
    return np.stack([dm / 2, dm / 2]) if isinstance(mf, scf.uhf.UHF) else dm


def _molecule(mol) -> Molecule:
    """Our record of a `pyscf.gto.Mole`."""
    if getattr(mol, "a", None) is not None:
        raise InputError("mf is a periodic calculation; networks are for molecules")
    symbols = [mol.atom_pure_symbol(atom) for atom in range(mol.natm)]
    if any("ghost" in symbol.lower() or symbol == "X" for symbol in symbols):
        raise InputError("mf.mol has ghost atoms; networks are for molecules without any")
    return Molecule(tuple(symbols), mol.atom_coords(), mol.charge, mol.spin)


def _check_orbitals(mol, molecule: Molecule, model: Network) -> None:
    basis = model.theory.basis
    if mol.cart:
        raise InputError("mf.mol has Cartesian orbitals (cart=True); networks use spherical ones")
    expected, given = overlap_matrix(molecule, model.theory), mol.intor_symmetric("int1e_ovlp")
    if expected.shape != given.shape:
        raise InputError(
            f"mf.mol has {len(given)} orbitals; {molecule.formula} in this network's basis, "
            f"{basis}, has {len(expected)}"
        )
    if np.abs(expected - given).max() > SAME_OVERLAP:
        raise InputError(
            f"mf.mol's orbitals are not those of {basis}, this network's basis, in PySCF's order"
        )

"""Molecules from SMILES, where RDKit is installed."""

import numpy as np

from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.units import ANGSTROM_PER_BOHR


def from_smiles(smiles: str) -> Molecule:
    """A molecule from its bonds: embedded in space and relaxed with the MMFF94 force field.

    One geometry, the same for the same text; a starting point, not a minimum of any functional.

    Args:
        smiles: for example "CCO", "c1ccccc1" or "[NH4+]".

    Raises:
        InputError: text that RDKit cannot read or place in space.
        ImportError: RDKit is not installed.

    >>> from_smiles("[OH-]")
    Molecule(HO, 2 atoms, 10 electrons, charge -1)
    """
    try:
        from rdkit import Chem, RDLogger
        from rdkit.Chem import AllChem
    except ImportError:
        raise ImportError(
            "reading SMILES needs RDKit; install it with `pip install 'qptlab[smiles]'`, "
            "or give an .xyz"
        ) from None
    RDLogger.DisableLog("rdApp.*")  # what it would print is said by the errors below
    parsed = Chem.MolFromSmiles(smiles.strip())
    if parsed is None or not parsed.GetNumAtoms():
        raise InputError(f"{smiles.strip()!r} is not a SMILES; write for example CCO for ethanol")
    mol = Chem.AddHs(parsed)
    if AllChem.EmbedMolecule(mol, randomSeed=7) != 0:
        raise InputError(f"no geometry was found for the SMILES {smiles.strip()!r}; give an .xyz")
    if AllChem.MMFFHasAllMoleculeParams(mol):
        AllChem.MMFFOptimizeMolecule(mol, maxIters=2000)
    return Molecule(
        tuple(atom.GetSymbol() for atom in mol.GetAtoms()),
        np.asarray(mol.GetConformer().GetPositions()) / ANGSTROM_PER_BOHR,
        Chem.GetFormalCharge(mol),
    )

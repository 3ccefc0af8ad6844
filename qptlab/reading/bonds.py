"""Molecules of RDKit: what .mol and .sdf files hold, and SMILES once they are embedded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from qptlab.errors import InputError
from qptlab.reading.frame import Frame, made
from qptlab.reading.said import Said

if TYPE_CHECKING:
    from rdkit.Chem import Mol

END_OF_MOLECULE = "$$$$"


def frames_of(text: str, charge: int | None, spin: int | None) -> Iterator[Frame]:
    """Every molecule of a .mol or .sdf text.

    Raises:
        InputError: what RDKit cannot read, drawings in a plane, missing hydrogens, or as
            `from_rdkit`; with the number of the molecule.
    """
    blocks = [block for block in text.split(END_OF_MOLECULE) if block.strip()]
    if not blocks:
        raise InputError("empty; expected a molfile")
    for number, block in enumerate(blocks, start=1):
        block = block.removeprefix("\r").removeprefix("\n") if number > 1 else block
        try:
            yield from_rdkit(_molfile(block), charge, spin)
        except InputError as error:
            where = f"molecule {number}: " if len(blocks) > 1 else ""
            raise InputError(f"{where}{error}") from None


def from_rdkit(mol: "Mol", charge: int | None = None, spin: int | None = None) -> Frame:
    """The molecule of an RDKit molecule with a conformer, ångström; the first of several.

    Charge and unpaired electrons are by default those of its atoms. Several radical centres are
    coupled to the highest spin.

    Raises:
        InputError: no conformer or one in a plane only drawn, hydrogens that are not there as
            atoms, dummies and query atoms, or as `made`.
    """
    from rdkit import Chem, rdBase

    if not mol.GetNumConformers():
        raise InputError("this RDKit molecule has no conformer; embed it, or give a SMILES")
    positions = np.asarray(mol.GetConformer().GetPositions())
    if not mol.GetConformer().Is3D() and mol.GetNumAtoms() > 2 and not positions[:, 2].any():
        raise InputError("a drawing in two dimensions; expected a geometry in three")
    with rdBase.BlockLogs():
        checked = Chem.Mol(mol)
        try:
            Chem.SanitizeMol(checked)
        except (ValueError, RuntimeError) as error:  # a valence that RDKit does not know
            raise InputError(f"bonds that RDKit does not understand: {error}") from None
    missing = sum(atom.GetTotalNumHs() for atom in checked.GetAtoms())
    if missing:
        raise InputError(f"{missing} hydrogens are only implied; give every hydrogen as an atom")
    atoms = list(checked.GetAtoms())
    unpaired = sum(atom.GetNumRadicalElectrons() for atom in atoms)
    said = Said(Chem.GetFormalCharge(checked), unpaired)
    symbols = [atom.GetSymbol() for atom in atoms]
    title = mol.GetProp("_Name") if mol.HasProp("_Name") else ""
    return Frame(made(symbols, positions, said, charge, spin), title, mol.GetPropsAsDict())


def _molfile(block: str) -> "Mol":
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
    if mol is None or not mol.GetNumAtoms():
        raise InputError("not a molfile that RDKit can read")
    return mol

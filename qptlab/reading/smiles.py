"""Molecules from SMILES: embedded in space by RDKit."""

import numpy as np

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.reading.bonds import from_rdkit

MOST_ATOMS = 120
MOST_SECONDS = 20
"""Of embedding: bonds that no geometry satisfies would take for ever."""
APART_ANGSTROM = 3.0
"""Between molecules that are one SMILES, parted by dots."""


def from_smiles(smiles: str, charge: int | None = None, spin: int | None = None) -> Molecule:
    """A molecule from its bonds: embedded in space and relaxed with the MMFF94 force field.

    One geometry, the same for the same text; a starting point, not a minimum of any functional.
    Molecules parted by a dot stand side by side.

    Args:
        smiles: for example "CCO", "c1ccccc1" or "[NH4+]".
        charge: by default that of the atoms.
        spin: unpaired electrons; by default those of the atoms, all of one spin: [O][O] has 2.

    Raises:
        InputError: text that RDKit cannot read or place in space, atoms that are none, or more
            than 120 atoms.

    >>> from_smiles("[OH-]")
    Molecule(HO, 2 atoms, 10 electrons, charge -1)
    """
    from rdkit import Chem, rdBase

    written = str(smiles).strip()
    with rdBase.BlockLogs():  # what it would print is said by the errors
        parsed = Chem.MolFromSmiles(written) if len(written) <= 10 * MOST_ATOMS else Chem.Mol()
        n_atoms = sum(1 + atom.GetTotalNumHs() for atom in parsed.GetAtoms()) if parsed else 0
        if n_atoms > MOST_ATOMS or len(written) > 10 * MOST_ATOMS:
            what = f"{n_atoms} atoms" if n_atoms else f"{len(written)} letters"
            raise InputError(
                f"the SMILES {quoted(written)} has {what}; at most {MOST_ATOMS} atoms are "
                "embedded: give a geometry"
            )
        if not n_atoms or not written.isprintable():  # RDKit may read up to a control character
            raise InputError(
                f"{quoted(written)} is not a SMILES; write for example CCO for ethanol"
            )
        if any(atom.GetAtomicNum() < 1 for atom in parsed.GetAtoms()):
            raise InputError(
                f"the SMILES {quoted(written)} holds a dummy atom; give real atoms only"
            )
        mol = Chem.AddHs(parsed)
        places: list[tuple[int, ...]] = []
        fragments = Chem.GetMolFrags(mol, asMols=True, fragsMolAtomMapping=places)
        embedded = [_embedded(fragment, written) for fragment in fragments]
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for atoms, positions in zip(places, _side_by_side(embedded), strict=True):
        for atom, position in zip(atoms, positions, strict=True):
            conformer.SetAtomPosition(int(atom), position)
    mol.AddConformer(conformer)
    return from_rdkit(mol, charge, spin).molecule


def _embedded(mol, smiles: str) -> np.ndarray:
    """Positions of one molecule, (atom, 3), ångström."""
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    settings = rdDistGeom.ETKDGv3()
    settings.randomSeed, settings.timeout = 7, MOST_SECONDS
    if rdDistGeom.EmbedMolecule(mol, settings) != 0:
        raise InputError(f"no geometry was found for the SMILES {quoted(smiles)}; give one")
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    return np.asarray(mol.GetConformer().GetPositions())


def _side_by_side(molecules: list[np.ndarray]) -> list[np.ndarray]:
    """The same molecules along x, no atom of one within `APART_ANGSTROM` of another's."""
    placed, end = [], None
    for positions in molecules:
        shift = 0.0 if end is None else end + APART_ANGSTROM - positions[:, 0].min()
        placed.append(positions + np.array([shift, 0.0, 0.0]))
        end = placed[-1][:, 0].max()
    return placed

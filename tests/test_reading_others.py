"""Reading other formats and objects, and SMILES: right, or refused in one sentence."""

import numpy as np
import pytest
from ase import Atoms
from rdkit import Chem
from rdkit.Chem import AllChem

from qptlab.errors import InputError
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.reading import read, read_frames
from qptlab.reading.smiles import from_smiles

WATER = [[0.0, 0.0, 0.117], [0.0, 0.757, -0.471], [0.0, -0.757, -0.471]]
OXYGEN = [[0.0, 0.0, 0.0], [0.0, 0.0, 1.2075]]
ROWS = "O 0.0 0.0 0.117\nH 0.0 0.757 -0.471\nH 0.0 -0.757 -0.471\n"


def test_objects_of_ase():
    triplet = Atoms("O2", OXYGEN, magmoms=[1, 1])
    assert read(triplet).spin == 2 and read(triplet, spin=0).spin == 0
    ion = Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])
    ion.info = {"charge": -1, "name": "hydroxide"}
    assert read(ion).charge == -1
    ion.info = {"Charge": "minus"}
    with pytest.raises(InputError, match="charge is not understood from 'Charge=minus"):
        read(ion)
    with pytest.raises(InputError, match="periodic"):
        read(Atoms("O2", OXYGEN, pbc=[True, False, False]))
    with pytest.raises(InputError, match="dummy or ghost"):
        read(Atoms("OX", OXYGEN))


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    return mol


@pytest.mark.parametrize(
    "smiles, charge, spin", [("C[NH3+]", 1, 0), ("[CH3]", 0, 1), ("[O-]C=O", -1, 0), ("OO", 0, 0)]
)
def test_objects_and_files_of_rdkit(tmp_path, smiles, charge, spin):
    mol = embedded(smiles)
    (tmp_path / "a.mol").write_text(Chem.MolToMolBlock(mol))
    (tmp_path / "a.sdf").write_text(f"{Chem.MolToMolBlock(mol)}> <id>\n1\n\n$$$$\n" * 2)
    (tmp_path / "a.pdb").write_text(Chem.MolToPDBBlock(mol))
    first, *same = [
        read(mol),
        read(tmp_path / "a.mol"),
        *read_frames(tmp_path / "a.sdf"),
        read(Chem.MolToMolBlock(mol)),
        read(tmp_path / "a.pdb", spin=spin),  # which has no place for spins
    ]
    assert (first.charge, first.spin) == (charge, spin)
    np.testing.assert_allclose(first.positions_angstrom, mol.GetConformer().GetPositions())
    for other in same:
        assert (other.symbols, other.charge, other.spin) == (first.symbols, charge, spin)
        np.testing.assert_allclose(other.positions, first.positions, atol=2e-3)


def test_bonds_without_a_geometry_are_refused(tmp_path):
    flat = Chem.MolFromSmiles("OCC")
    AllChem.Compute2DCoords(flat)
    implied = Chem.RemoveHs(embedded("OCC"))
    for mol, words in (
        (Chem.MolFromSmiles("CCO"), "no conformer"),
        (flat, "drawing in two dimensions"),
        (implied, "6 hydrogens are only implied"),
        (embedded("C*"), "dummy"),
    ):
        with pytest.raises(InputError, match=words):
            read(mol)
    (tmp_path / "a.sdf").write_text("not a molfile\n$$$$\n")
    with pytest.raises(InputError, match="RDKit can read"):
        read(tmp_path / "a.sdf")


PDB = (
    "HETATM    1  O   HOH A   1       0.000   0.000   0.117  1.00  0.00           O  \n"
    "HETATM    2  H1  HOH A   1       0.000   0.757  -0.471  1.00  0.00           H  \n"
    "HETATM    3  H2  HOH A   1       0.000  -0.757  -0.471  1.00  0.00           H  \n"
)


def test_pdb_files_of_molecules():
    np.testing.assert_allclose(read(PDB).positions_angstrom, WATER, atol=1e-10)
    several = "".join(f"MODEL        {n}\n{PDB}ENDMDL\n" for n in (1, 2))
    assert [m.formula for m in read_frames(several)] == ["H2O", "H2O"]
    box = "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1           1\n"
    assert read(box + PDB).formula == "H2O"
    for text, words in (
        (box.replace("1.000", "9.000") + PDB, "periodic"),
        (PDB.replace("O   HOH", "O  AHOH"), "alternate location"),
        (PDB.replace("1.00  0.00           O", "0.50  0.00           O"), "occupancy below 1"),
        (PDB.replace("           O  ", "              "), "no element in columns 77 and 78"),
        (PDB.replace("   O  \n", "   O?!\n"), "charge is not understood"),
        (PDB.replace("   0.117", "   far  "), "not a .pdb file that ASE can read"),
        (
            PDB.replace("HETATM", "ATOM  ").replace("H1  HOH", "C   GLY").replace(" H  ", " C  "),
            "hydro",
        ),
    ):
        with pytest.raises(InputError, match=words):
            read(text)


GAUSSIAN = "%mem=1GB\n#p b3lyp/def2svp opt\n\na title\n\n{state}\n{rows}\n\n"


def test_inputs_of_gaussian():
    plain = GAUSSIAN.format(state="0 1", rows=ROWS.strip())
    np.testing.assert_allclose(read(plain).positions_angstrom, WATER, atol=1e-10)
    frozen = plain.replace("O 0.0", "O(Iso=18) -1 0.0").replace("H 0.0", "1, 0, 0.0")
    np.testing.assert_allclose(read(frozen).positions_angstrom, WATER, atol=1e-10)
    bohr = plain.replace("opt", "units=au").replace("0.757", "1.430").replace("0.471", "0.890")
    assert read(bohr).positions[1].tolist() == [0, 1.43, -0.89]
    ion = read(GAUSSIAN.format(state="-1 2", rows="O 0 0 0\nO 0 0 1.3"))
    assert (ion.charge, ion.spin) == (-1, 1)
    for state, rows, words in (
        ("0 1 0 1", ROWS, "charge and multiplicity"),
        ("0 2", ROWS, "cannot have the spin 1"),
        ("0 1", "O\nH 1 0.96\nH 1 0.96 2 104.5", "three Cartesian coordinates"),
        ("0 1", ROWS.replace("O 0", "O-Bq 0"), "dummy or ghost"),
        ("0 1", ROWS.replace("O 0", "O(Fragment=1) 0"), "atom 1: expected"),
        ("0 1", ROWS + "Tv 3 0 0", "periodic"),
    ):
        with pytest.raises(InputError, match=words):
            read(GAUSSIAN.format(state=state, rows=rows.strip()))
    with pytest.raises(InputError, match="several jobs"):
        read(plain + "--Link1--\n" + plain)


@pytest.mark.parametrize(
    "smiles", ["CCO.O", "c1ccccc1.O", "CC(=O)[O-].[Na+]", "[H][H].[H][H]", "O.O.O", "C.CC.CCC.N"]
)
def test_molecules_of_one_smiles_stand_apart(smiles):
    found, parts = from_smiles(smiles), [from_smiles(part) for part in smiles.split(".")]
    assert found.charge == sum(part.charge for part in parts)
    assert sorted(found.symbols) == sorted(s for part in parts for s in part.symbols)
    bonded = read(to_xyz(found), charge=found.charge)
    graph = np.linalg.norm(bonded.positions[:, None] - bonded.positions, axis=-1) < 3.5
    sizes = {len(part.symbols) for part in parts}
    reached = np.linalg.matrix_power(graph.astype(int), len(graph)) > 0
    assert {int(row.sum()) for row in reached} == sizes, "each holds together, and none the next"


@pytest.mark.parametrize(
    "smiles, spin", [("[O][O]", 2), ("[CH3]", 1), ("[N]", 3), ("O=O", 0), ("[CH2]", 2), ("[Na]", 1)]
)
def test_radicals_keep_their_electrons(smiles, spin):
    assert from_smiles(smiles).spin == spin
    assert from_smiles(smiles, spin=spin % 2).spin == spin % 2


@pytest.mark.parametrize(
    "smiles, words",
    [
        ("[C+99]", "charge 99 for 6 electrons"),
        ("C*", "dummy atom"),
        ("C" * 300, "at most 120 atoms"),
        ("C" * 10**6, "at most 120 atoms"),
        ("CC\x00O", "is not a SMILES"),
    ],
)
def test_a_smiles_that_is_no_molecule_is_refused_at_once(smiles, words):
    with pytest.raises(InputError, match=words):
        from_smiles(smiles)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.xyz").write_bytes(b"1\n\n\xff\xfe\x00\x01")
    (tmp_path / "noend").write_text(to_xyz(molecule("water"), "comment"))
    assert read(tmp_path / "noend") == read(str(tmp_path / "noend"))
    for source, words in (
        ("nowhere.xyz", r"no such file: nowhere\.xyz"),
        (tmp_path / "a.xyz", "not a text file"),
        (tmp_path, "is a folder"),
        (3.5, "nothing to read a molecule from"),
        ("hello\nworld\n", "xyz text: line 1: expected the number of atoms"),
    ):
        with pytest.raises(InputError, match=words):
            read(source)

"""Reading .xyz: right, or refused with the words that were not understood."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qptlab as ql
from qptlab.errors import InputError
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.reading import frames_in, read, read_frames
from qptlab.reading.comments import said_in

GEOMETRIES = Path(__file__).parent / "data" / "geometries"
WATER = [[0.0, 0.0, 0.117], [0.0, 0.757, -0.471], [0.0, -0.757, -0.471]]
OXYGEN = [[0.0, 0.0, 0.0], [0.0, 0.0, 1.2075]]
ROWS = "O 0.0 0.0 0.117\nH 0.0 0.757 -0.471\nH 0.0 -0.757 -0.471\n"


@pytest.mark.parametrize(
    "file, formula, charge, spin, positions",
    [
        ("qm9", "CH4", 0, 0, None),
        ("forces_before_pos", "H2O", 0, 0, WATER),
        ("momenta_first", "H2O", 0, 0, WATER),
        ("formfeed_comment", "H2O", 0, 0, WATER),
        ("unicode_ls_comment", "H2O", 0, 0, WATER),
        ("vt_comment", "H2O", 0, 0, WATER),
        ("spin_comment", "O2", 0, 2, OXYGEN),
        ("mult_comment", "O2", 0, 2, OXYGEN),
        ("magmom", "O2", 0, 2, OXYGEN),
        ("charge_quoted", "HO", -1, 0, None),
        ("charge_comma", "HO", -1, 0, None),
        ("charge_comma_sentence", "HO", -1, 0, None),
        ("charge_1plus", "H3O", 1, 0, None),
        ("carbonate_spaces", "CO3", -2, 0, None),
        ("carbonate_q", "CO3", -2, 0, None),
        ("carbonate_colon", "CO3", -2, 0, None),
        ("carbonate_semicolon", "CO3", -2, 0, None),
        ("carbonate_json", "CO3", -2, 0, None),
    ],
)
def test_files_say_charge_spin_and_columns(file, formula, charge, spin, positions):
    found = read(GEOMETRIES / f"{file}.xyz")
    assert (found.formula, found.charge, found.spin) == (formula, charge, spin)
    if positions is not None:
        np.testing.assert_allclose(found.positions_angstrom, positions, atol=1e-10)


def test_lengths_may_be_in_bohr():
    found = read(GEOMETRIES / "bohr_comment.xyz")
    assert np.linalg.norm(found.positions[0] - found.positions[1]) == pytest.approx(1.811, abs=1e-3)


@pytest.mark.parametrize(
    "file, words",
    [
        ("ext_pbc", "line 2: periodic, by its comment"),
        ("carbonate_capital", "32 electrons in CO3 with charge -2 cannot have the spin 1"),
        (
            "acetate_on_sodium",
            r"atoms 1 \(C\) and 5 \(Na\) are 0.641 Å apart, nearer than any bond",
        ),
        ("ethanol_on_water", r"atoms 1 \(C\) and 11 \(H\) are 0.544 Å apart"),
        ("benzene_on_water", r"atoms 2 \(C\) and 14 \(H\) are 0.638 Å apart"),
    ],
)
def test_what_is_not_understood_is_refused(file, words):
    with pytest.raises(InputError, match=words):
        read(GEOMETRIES / f"{file}.xyz")


def test_a_radical_keeps_its_way_to_an_answer():
    radical = GEOMETRIES / "methyl_radical.xyz"
    assert read(radical, spin=1).spin == 1
    with pytest.raises(InputError, match=r"closed shells only; CH3 .* 9 electrons: .* spin=1"):
        ql.load("general").check(read(radical))


SPELLINGS = [
    ("charge=-2", -2, None),
    ("charge = -2", -2, None),
    ("Charge=-2", -2, None),
    ("total_charge=-2", -2, None),
    ("net charge: -2", -2, None),
    ("charge of -2", -2, None),
    ('charge="-2"', -2, None),
    ("charge=-2;spin=0", -2, 0),
    ("charge=2-", -2, None),
    ("charge=\N{MINUS SIGN}2.0", -2, None),
    ("q=-2", -2, None),
    ("the dianion, charge -2.", -2, None),
    ("-2 1", -2, 0),
    ("0, 3", 0, 2),
    ("spin 2", None, 2),
    ("multiplicity=3", None, 2),
    ("2S+1=3", None, 2),
    ("spin multiplicity 3", None, 2),
    ("{'mult': 3}", None, 2),
    ("uhf=2", None, 2),
    ("triplet, magmom=-2.0", None, 2),
    ("qm7 1204, UHF/6-31G*, E=-76.3 a.u., forces in Ha/bohr", None, None),
    ("12", None, None),
    ("", None, None),
]


@pytest.mark.parametrize("comment, charge, spin", SPELLINGS)
def test_spellings_of_charge_and_spin(comment, charge, spin):
    said = said_in(comment)
    assert (said.charge, said.spin) == (charge, spin)
    assert said_in(comment, charge=7, spin=5).charge == 7, "what the user says goes first"


@pytest.mark.parametrize(
    "comment, words",
    [
        ("charge=0.5", "charge=0.5"),
        ("charge=x", "charge=x"),
        ("charge = minus one", "charge = minus one"),
        ("no charge=", "charge="),
        ("charge=-2e", "charge=-2e"),
        ("charge=1 charge=2", "charge 1 and 2"),
        ("charge_state=-1", "charge_state=-1"),
        ("charges=[1, 0]", "charges="),
        ("carbonate dianion", "dianion"),
        ("-2", "'-2' may be a charge"),
        ("spin=1/2", "spin=1/2"),
        ("spin=-1", "spin"),
        ("S=1", "S=1"),
        ("mult=0", "mult=0"),
        ("triplet oxygen", "triplet oxygen"),
        ("spin=2 mult=1", "spin 0 and 2"),
        ("magmom=1.7", "magmom=1.7"),
        ("total_spin=1", "total_spin=1"),
        ("units=nm", "'nm'"),
        ("coordinates in bohr", "'bohr'"),
        ("pbc=True", "periodic"),
        ('pbc="F T F"', "periodic"),
        ("cell=[3, 3, 3]", "periodic"),
        ('Lattice="9 0 0 0 9 0 0 0 9"', "periodic"),
    ],
)
def test_words_not_understood_are_quoted(comment, words):
    with pytest.raises(InputError) as refusal:
        said_in(comment)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "rows, words",
    [
        ("3\nProperties=species:S:1:pos:R:2\n" + ROWS, "Properties="),
        ("3\nProperties=species:S:1:forces:R:3\n" + ROWS, "Properties="),
        ("3\nProperties=pos:R:3\n" + ROWS, "Properties="),
        ("3\nProperties=species:S:1:pos:R:3:tags:I:1\n" + ROWS, "line 3: expected the 5 columns"),
        ("1\n\nO 8.0 0.0 0.0 0.117\n", "another number before the position"),
        ("2\n\nO 0 0.1 0.0 0.117\nH -1 0.0 0.0 1.0\n", "another number before the position"),
        ("1\n\nX 0 0 0\n", "line 3: atom 1 is 'X', a dummy or ghost"),
        ("2\n\nH 0 0 0\nH-Bq 0 0 1\n", "line 4: atom 2 is 'H-Bq', a dummy or ghost"),
        ("2\n\nH 0 0 0\nTv 0 0 9\n", "periodic"),
        ("1\n\nO 0 0 1_0\n", "three numbers"),
        ("1\ncharge=9\nO 0 0 0\n", "charge 9 for 8 electrons"),
        (
            "1\n\nO 0 0 0\n3\n\n" + ROWS.replace("0.757", "far", 1),
            "frame 2, line 7: expected an el",
        ),
        ("1\n\nO 0 0 0\n1\ncharge=x\nO 0 0 0\n", "frame 2, line 5: charge is not understood"),
        ("1\n\nO 0 0 0\n9\n\nO 0 0 0\n", "frame 2, 9 atoms announced, 1 found"),
        (
            "2\nProperties=species:S:1:pos:R:3:initial_magmoms:R:1\nO 0 0 0 1\nO 0 0 1.2 -1\n",
            "cancel",
        ),
        ("2\nProperties=species:S:1:pos:R:3:initial_charges:R:1\nO 0 0 0 .3\nH 0 0 1 0\n", "0.300"),
        (
            "2\ncharge=1 Properties=species:S:1:pos:R:3:charges:R:1\nO 0 0 0 -1\nH 0 0 1 0\n",
            "up to -1",
        ),
    ],
)
def test_rows_not_understood_are_refused(rows, words):
    with pytest.raises(InputError) as refusal:
        read_frames(rows)
    assert words in str(refusal.value)


def test_fortrans_numbers_and_charges_of_atoms():
    rows = "2\nProperties=Z:I:1:pos:R:3:initial_charges:R:1\n8 0 0 0 -1.0\n1 0 0 9.7D-1 0.0\n"
    found = read(rows)
    assert (found.formula, found.charge) == ("HO", -1)
    np.testing.assert_allclose(found.positions_angstrom[1], [0, 0, 0.97], atol=1e-12)


@given(
    st.integers(0, 2**32 - 1), st.permutations(["species:S:1", "pos:R:3", "forces:R:3", "tags:I:1"])
)
def test_columns_in_any_order(seed, order):
    rng = np.random.default_rng(seed)
    positions = np.cumsum(rng.uniform(1, 3, (3, 3)), axis=0)
    cells = {
        "species:S:1": ["C", "O", "Cl"],
        "tags:I:1": [1, 2, 3],
        "forces:R:3": rng.normal(size=(3, 3)),
    }
    cells["pos:R:3"] = positions
    rows = [
        " ".join(str(x) for name in order for x in np.atleast_1d(cells[name][i])) for i in range(3)
    ]
    found = read("\n".join(["3", f"Properties={':'.join(order)}", *rows]) + "\n")
    assert found.symbols == ("C", "O", "Cl")
    np.testing.assert_allclose(found.positions_angstrom, positions, atol=1e-10)


def test_comments_are_kept_for_who_reads_frames():
    frame = next(frames_in(to_xyz(molecule("water"), "trajectory=heat temperature_k=300 of mine")))
    assert frame.info["trajectory"] == "heat" and frame.info["temperature_k"] == 300
    assert frame.comment.endswith("of mine")

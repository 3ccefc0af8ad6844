"""Molecules, theories and units: what is accepted, and what is said when it is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from qptlab import units
from qptlab.library import library_names, molecule
from qptlab.molecule import Molecule, to_xyz
from qptlab.qpt.sampling import frames_from_file
from qptlab.reading import from_xyz, read_frames
from qptlab.theory import parse_theory

WATER = "3\nwater\nO 0 0 0\nH 0 0 0.96\nH 0.93 0 -0.24\n"


def test_conversions_are_those_of_codata():
    known = constants.physical_constants
    expected = {
        "ANGSTROM_PER_BOHR": known["Bohr radius"][0] / constants.angstrom,
        "EV_PER_HARTREE": known["Hartree energy in eV"][0],
        "KCAL_PER_MOL_PER_HARTREE": known["Hartree energy"][0] * constants.N_A / 4184,
        "DEBYE_PER_AU": known["atomic unit of electric dipole mom."][0] * constants.c * 1e21,
        "HARTREE_PER_KELVIN": known["kelvin-hartree relationship"][0],
        "WAVENUMBER_PER_HARTREE": known["hartree-inverse meter relationship"][0] / 100,
        "ELECTRON_MASS_PER_DALTON": constants.atomic_mass / constants.m_e,
    }
    # not exactly: another scipy may have the values of another year
    assert {name: getattr(units, name) for name in expected} == pytest.approx(expected, rel=1e-8)


def test_the_library_is_sound():
    for name in library_names():
        assert (molecule(name).n_electrons - molecule(name).spin) % 2 == 0
    assert molecule("N2").formula == "N2" and molecule("Water").formula == "H2O"
    assert molecule("C6H6").formula == "C6H6"
    assert (molecule("O2").spin, molecule("O2", spin=0).spin) == (2, 0)
    distances = np.linalg.norm(molecule("benzene").positions_angstrom[:6], axis=1)
    np.testing.assert_allclose(distances, 1.395, atol=0.005)


@given(st.integers(0, 2**32 - 1))
def test_xyz_round_trip(seed):
    rng = np.random.default_rng(seed)
    case = Molecule(("C", "O", "Cl"), np.cumsum(rng.uniform(1.2, 3, size=(3, 3)), axis=0))
    again = from_xyz(to_xyz(case, "a comment"))
    assert again.symbols == case.symbols
    np.testing.assert_allclose(again.positions, case.positions, atol=1e-10)


def test_several_frames_and_numbers_for_elements(tmp_path):
    path = tmp_path / "two.xyz"
    # numbers for elements, an empty line between frames, a comment in Latin-1
    second = WATER.replace("O 0", "8 0").replace("water", "Å")
    path.write_bytes((WATER + "\n" + second + "\n\n").encode("latin-1"))
    first, second = read_frames(path)
    assert first == second and from_xyz(path, charge=2).charge == 2


def test_a_comment_may_name_the_charge(tmp_path):
    path = tmp_path / "ions.xyz"
    comments = ("name=a charge=-1 x=2", "charge=+2", "total_charge=1", "charge=1.0", "neutral")
    path.write_text("".join(to_xyz(molecule("hydrogen"), comment) for comment in comments))
    assert [m.charge for m in read_frames(path)] == [-1, 2, 1, 1, 0]
    assert [m.charge for m in read_frames(path, charge=0)] == [0, 0, 0, 0, 0]
    assert frames_from_file(path, charge=-2).molecule.charge == -2
    for wrong, message in (
        ("x", "'charge=x'"),
        ("0.5", "'charge=0.5'; write charge=N, a whole number"),
    ):
        with pytest.raises(ValueError, match=f"xyz text: .*{message}"):
            from_xyz(to_xyz(molecule("hydrogen"), f"charge={wrong}"))


@pytest.mark.parametrize(
    "text, message",
    [
        ("\n", "empty; an .xyz file starts with the number of atoms"),
        ("hello\nworld\n", "line 1: expected the number of atoms; got 'hello'"),
        ("0\n\n", "line 1: expected the number of atoms; got '0'"),
        (WATER.replace("0.96", "far"), "line 4: expected an element and three numbers"),
        (WATER.replace("0.96", "nan"), "line 4: expected an element and three numbers"),
        (WATER.replace("H 0 0 0.96", "H 0 0"), "line 4: expected an element and three numbers"),
        (WATER.replace("O 0", "Qq 0"), "line 3: expected an element"),
        (WATER.replace("3\n", "4\n"), "4 atoms announced, 3 found"),
        (WATER.replace("0.96", "0.05"), r"atoms 1 \(O\) and 2 \(H\) are 0.050 Å apart"),
    ],
)
def test_bad_xyz_is_one_clear_sentence(text, message):
    with pytest.raises(ValueError, match=message):
        read_frames(text)


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file: nowhere\.xyz"):
        from_xyz("nowhere.xyz")
    (tmp_path / "binary.xyz").write_bytes(b"1\n\n\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match="not a text file"):
        from_xyz(tmp_path / "binary.xyz")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: molecule("watr"), "unknown molecule 'watr'; known: hydrogen"),
        (lambda: Molecule((), []), "at least one atom"),
        (lambda: Molecule(("H", "H"), [[0, 0, 0]]), r"positions of shape \(1, 3\) for 2 atoms"),
        (lambda: Molecule(("H",), [[0, 0, np.inf]]), "must be finite"),
        (lambda: Molecule(("H", "H"), [[0, 0, 0], [0, 0, 0]]), "0.000 Å apart"),
        (lambda: Molecule(("X",), [[0, 0, 0]]), "unknown element 'X'"),
        (lambda: Molecule(("H",), [[0, 0, 0]], 0.5), "charge must be a whole number; got 0.5"),
        (lambda: Molecule(("H",), [[0, 0, 0]], None), "charge must be a whole number; got None"),
        (lambda: Molecule(("H",), [[0, 0, 0]], 2), "charge 2 for 1 electrons; at most 1"),
        (lambda: molecule("water", spin=-1), "spin, .*, must be a whole number, 0 or more; got -1"),
        (lambda: molecule("water", spin=1.5), "0 or more; got 1.5"),
        (lambda: molecule("water", spin=float("nan")), "0 or more; got nan"),
        (lambda: molecule("water", spin="2"), "0 or more; got '2'"),
        (lambda: parse_theory("pbe"), "write functional/basis"),
        (
            lambda: parse_theory("tpss/sto-3g"),
            "unknown functional 'tpss'; known: hf, lda, pw92, pbe",
        ),
        (lambda: parse_theory("pbe/sto-3g", grid=11), "grid level 11; allowed: 0"),
        (
            lambda: parse_theory("pbe/sto-3g", coulomb="ri"),
            "unknown coulomb 'ri'; known: df, exact",
        ),
    ],
)
def test_bad_values_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_molecule_cannot_be_changed():
    case = molecule("water")
    with pytest.raises(ValueError, match="read-only"):
        case.positions[0, 0] = 1.0
    with pytest.raises(AttributeError):
        case.charge = 1


@pytest.mark.parametrize(
    "case, spec, message",
    [
        (
            molecule("water", charge=1),
            "pbe/sto-3g",
            "9 electrons in H2O with charge 1 .* give spin=1, or charge=2 or 0",
        ),
        (molecule("water"), "pbe/nope", "unknown basis 'nope'"),
        (
            Molecule(("U", "U"), [[0, 0, 0], [0, 0, 5]]),
            "pbe/6-31g*",
            "'6-31g\\*' has no functions for U",
        ),
        (molecule("methane"), "pbe/cc-pv5z", "functions beyond f for C"),
        (
            Molecule(("Lr", "H"), [[0, 0, 0], [0, 0, 5]]),
            "pbe/x2c-svpall",
            "no functions for Lr|unknown basis",
        ),
        (molecule("hydrogen", charge=2), "pbe/sto-3g", "0 electrons .* give charge=1 or less"),
        (molecule("hydrogen", charge=1), "pbe/sto-3g", "1 electron.* give spin=1"),
    ],
)
def test_what_cannot_be_computed_is_refused(case, spec, message):
    from qptlab.dft.integrals import check_input, integrals

    for function in (check_input, integrals):
        with pytest.raises(ValueError, match=message):
            function(case, parse_theory(spec))


def test_units():
    assert pytest.approx(0.529177, abs=1e-6) == units.ANGSTROM_PER_BOHR
    assert pytest.approx(27.211386, abs=1e-6) == units.EV_PER_HARTREE
    assert pytest.approx(627.5095, abs=1e-4) == units.KCAL_PER_MOL_PER_HARTREE
    assert pytest.approx(2.541746, abs=1e-6) == units.DEBYE_PER_AU
    assert pytest.approx(1.5936e-3, abs=1e-7) == units.CHEMICAL_ACCURACY

"""Cube and Molden files, read back by programs that had no part in writing them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from qptlab.dft import ao_values, scf
from qptlab.lab.files.cube import even_box, write_cube
from qptlab.library import molecule
from qptlab.reading import from_xyz
from qptlab.reference.molden import write_molden

HYDROGEN_IODIDE = "2\n\nI 0 0 0\nH 0.3 0.5 1.5\n"  # a core potential, d functions, no symmetry


@pytest.fixture(scope="module")
def water():
    return scf(molecule("water"), "lda/def2-svp")


@pytest.fixture(scope="module")
def iodide():
    return scf(from_xyz(HYDROGEN_IODIDE), "lda/def2-svp")


@pytest.fixture(scope="module")
def methyl():
    radical = from_xyz("4\n\nC 0 0 .1\nH 1.08 0 0\nH -.54 .935 0\nH -.54 -.935 0\n", spin=1)
    return scf(radical, "lda/sto-3g")


def read_by_pyscf(path):
    """PySCF's own reader: field (x, y, z), corner and first step, bohr."""
    from pyscf import gto
    from pyscf.tools.cubegen import Cube

    cube = Cube(gto.M(atom="He", verbose=0))
    field = cube.read(path)
    return field, cube.boxorig, cube.box[0, 0] / cube.nx, cube.mol


@pytest.mark.parametrize("which, index", [("homo", 4), ("lumo+1", 6), (3, 3)])
def test_an_orbital_comes_back_from_its_cube(water, tmp_path, which, index):
    write_cube(water, which, tmp_path / "a.cube")
    field, corner, step, mol = read_by_pyscf(tmp_path / "a.cube")
    np.testing.assert_allclose(mol.atom_coords(), water.molecule.positions, atol=1e-6)
    grid = np.stack(np.meshgrid(*map(np.arange, field.shape), indexing="ij"), -1)
    points = corner + step * grid.reshape(-1, 3)
    expected = ao_values(water.molecule, water.theory, points) @ water.mo_coeff[:, index]
    np.testing.assert_allclose(field.ravel(), expected, atol=5e-6)  # 6 digits in the file
    inside = 1e-3 if index < water.n_occ else 0.02  # empty orbitals reach out of the box
    assert abs(np.sum(field**2) * step**3 - 1) < inside


def read_by_ase(path):
    """ASE's reader: field, step (bohr) and atoms."""
    from ase.io.cube import read_cube
    from ase.units import Bohr

    with open(path) as file:
        read = read_cube(file)
    (step,) = {round(step, 6) for step in np.diag(read["spacing"]) / Bohr}
    return read["data"], step, read["atoms"]


def test_ase_reads_the_same_cube(water, tmp_path):
    write_cube(water, "homo", tmp_path / "a.cube", spacing=0.4)
    field, step, atoms = read_by_ase(tmp_path / "a.cube")
    assert tuple(atoms.symbols) == water.molecule.symbols and step == 0.4
    np.testing.assert_allclose(atoms.positions, water.molecule.positions_angstrom, atol=1e-6)
    assert abs(np.sum(field**2) * step**3 - 1) < 5e-3


def test_the_density_counts_the_electrons(iodide, methyl, tmp_path):
    for result, electrons, error in ((iodide, 26, 0.05), (methyl, 9, 0.05)):
        write_cube(result, "density", tmp_path / "a.cube", spacing=0.2)
        field, step, _ = read_by_ase(tmp_path / "a.cube")
        assert abs(field.sum() * step**3 - electrons) < error and field.min() > -1e-12


def test_a_cube_says_what_it_is_and_holds_no_date(water, tmp_path):
    for name in ("a", "b"):
        write_cube(water, "homo", tmp_path / name, spacing=0.8)
    text = (tmp_path / "a").read_text()
    assert text == (tmp_path / "b").read_text()
    assert text.startswith("H2O lda/def2-svp, HOMO, -") and "bohr^-3/2\n" in text
    assert text.splitlines()[6].split()[0] == "8"


def test_the_box_has_the_spacing_that_was_asked_for():
    positions = molecule("ethanol").positions
    box = even_box(positions, 0.3, 4.0)
    points = box.points
    assert box.spacing == 0.3 and len(points) == np.prod(box.shape)
    room = np.concatenate([positions.min(0) - points.min(0), points.max(0) - positions.max(0)])
    assert (room >= 4 - 1e-9).all() and (room < 4 + 0.3).all()


def test_bad_requests_are_one_sentence(water, methyl, tmp_path):
    path = tmp_path / "a.cube"
    with pytest.raises(ValueError, match=r'"homo" to "homo-4".*or "density"'):
        write_cube(water, "homo-7", path)
    with pytest.raises(ValueError, match="spacing 0; expected a length above 0"):
        write_cube(water, "homo", path, spacing=0)
    with pytest.raises(ValueError, match="give a larger spacing"):
        write_cube(water, "homo", path, spacing=0.001)
    with pytest.raises(ValueError, match=r'result.of_spin\("alpha"\)'):
        write_cube(methyl, "homo", path)
    with pytest.raises(ValueError, match="holds both spins"):
        write_molden(methyl.of_spin("alpha"), path)
    assert not path.exists()


def test_one_spin_has_its_own_cube(methyl, tmp_path):
    write_cube(methyl.of_spin("beta"), "lumo", tmp_path / "a.cube", spacing=0.25)
    field, step, _ = read_by_ase(tmp_path / "a.cube")
    assert abs(np.sum(field**2) * step**3 - 1) < 0.02


@pytest.fixture(scope="module")
def triple():
    return scf(molecule("water"), "lda/def2-tzvp")  # f functions


@pytest.mark.parametrize("name", ["water", "iodide", "triple"])
def test_iodata_finds_orthonormal_orbitals_in_the_molden_file(name, request, tmp_path):
    iodata = pytest.importorskip("iodata")
    from iodata.overlap import compute_overlap

    result = request.getfixturevalue(name)
    write_molden(result, tmp_path / "a.molden")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns when it has to repair a file
        read = iodata.load_one(str(tmp_path / "a.molden"))
    overlap = compute_overlap(read.obasis, read.atcoords)
    identity = read.mo.coeffs.T @ overlap @ read.mo.coeffs
    np.testing.assert_allclose(identity, np.eye(len(result.mo_energy)), atol=1e-10)
    np.testing.assert_allclose(read.mo.energies, result.mo_energy, rtol=1e-9)
    assert read.mo.occs.tolist() == [2.0] * result.n_occ + [0.0] * (len(overlap) - result.n_occ)
    numbers = {"water": [8, 1, 1], "iodide": [53, 1], "triple": [8, 1, 1]}[name]
    assert read.atnums.tolist() == numbers
    np.testing.assert_allclose(read.atcoords, result.molecule.positions, atol=1e-12)


@pytest.mark.parametrize("name", ["water", "iodide", "triple"])
def test_avogadro_draws_the_orbitals_of_the_molden_file(name, request, tmp_path):
    pytest.importorskip("avogadro")
    from avogadro.core import GaussianSetTools, Molecule
    from avogadro.io import FileFormatManager

    from qptlab.units import ANGSTROM_PER_BOHR

    result, read = request.getfixturevalue(name), Molecule()
    write_molden(result, tmp_path / "a.molden")
    assert FileFormatManager().read_file(read, str(tmp_path / "a.molden"), "molden")
    numbers = {"iodide": [53, 1]}.get(name, [8, 1, 1])
    assert list(read.atomic_numbers) == numbers
    points = np.random.default_rng(0).normal(scale=1.5, size=(40, 3))
    expected = ao_values(result.molecule, result.theory, points) @ result.mo_coeff
    tools = GaussianSetTools(read)
    for index in range(0, len(result.mo_energy), 3):
        values = [
            tools.calculate_molecular_orbital(point * ANGSTROM_PER_BOHR, index) for point in points
        ]
        np.testing.assert_allclose(values, expected[:, index], atol=1e-3)  # it leaves tails out


def test_avogadro_reads_the_cube(water, tmp_path):
    pytest.importorskip("avogadro")
    from avogadro.core import Molecule
    from avogadro.io import FileFormatManager

    read = Molecule()
    write_cube(water, "homo", tmp_path / "a.cube", spacing=0.4)
    assert FileFormatManager().read_file(read, str(tmp_path / "a.cube"), "cube")
    field, *_ = read_by_pyscf(tmp_path / "a.cube")
    assert tuple(read.cube(0).dimensions) == field.shape
    assert list(read.atomic_numbers) == [8, 1, 1]
    np.testing.assert_allclose(read.cube(0).max_value, field.max(), rtol=1e-5)


def test_an_open_shell_has_both_spins_in_its_molden_file(methyl, tmp_path):
    iodata = pytest.importorskip("iodata")
    write_molden(methyl, tmp_path / "a.molden")
    read = iodata.load_one(str(tmp_path / "a.molden"))
    assert read.mo.kind == "unrestricted" and (read.mo.nelec, read.spinpol) == (9, 1)
    np.testing.assert_allclose(read.mo.energiesb, methyl.mo_energy[1], rtol=1e-9)


def test_a_prediction_is_as_good_as_a_result(water, tmp_path):
    write_molden(replace(water, message="as predicted"), tmp_path / "a.molden")
    assert (tmp_path / "a.molden").read_text().count("Occup=") == len(water.mo_energy)

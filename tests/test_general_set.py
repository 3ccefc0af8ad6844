"""The molecules of the general network: what they are, and that no test molecule is trained on."""

import numpy as np
import pytest
from ase.data import covalent_radii
from scipy.sparse.csgraph import connected_components

from qptlab.dft.integrals import check_input
from qptlab.molecule import Molecule
from qptlab.qpt.runs.shipped import FOLDER
from qptlab.qpt.training import pool
from qptlab.reading import frames_in
from qptlab.theory import parse_theory

AROMATIC = {"furan", "pyrrole", "imidazole", "benzene"}
SETS = {"general.xyz": 105, "general.validation.xyz": 8, "general.test.xyz": 22}


def members(file: str) -> dict[str, Molecule]:
    return {str(frame.info["name"]): frame.molecule for frame in frames_in(FOLDER / file)}


def n_heavy(molecule: Molecule) -> int:
    return sum(symbol != "H" for symbol in molecule.symbols)


def spectrum(molecule: Molecule) -> np.ndarray:
    """Eigenvalues of the Coulomb matrix, lowest first: nearly equal for the same molecule only."""
    charges = np.array(molecule.numbers)
    distances = np.linalg.norm(molecule.positions[:, None] - molecule.positions, axis=-1)
    np.fill_diagonal(distances, 1.0)
    matrix = np.outer(charges, charges) / distances
    np.fill_diagonal(matrix, 0.5 * charges**2.4)
    return np.linalg.eigvalsh(matrix)


@pytest.mark.parametrize("file", SETS)
def test_every_molecule_is_whole_and_can_be_computed(file):
    several = members(file)
    assert len(several) == SETS[file]
    for name, molecule in several.items():
        assert set(molecule.symbols) <= set("HCNOF"), name
        check_input(molecule, parse_theory("b3lyp5/def2-svp"))
        radii = covalent_radii[list(molecule.numbers)]
        xyz = molecule.positions_angstrom
        distances = np.linalg.norm(xyz[:, None] - xyz, axis=-1)
        bonds = distances < 1.25 * (radii[:, None] + radii)
        assert connected_components(bonds, directed=False)[0] == 1, name
        apart = distances[np.triu_indices(len(radii), 1)]
        assert (apart > 0.7).all(), name


def test_training_molecules_are_small_but_for_a_few_rings():
    several = members("general.xyz")
    large = {name for name, molecule in several.items() if n_heavy(molecule) > 4}
    assert large == AROMATIC
    assert {molecule.charge for molecule in several.values()} == {-1, 0, 1}


@pytest.mark.parametrize("file", ["general.validation.xyz", "general.test.xyz"])
def test_molecules_set_aside_are_larger_and_never_trained_on(file):
    known = [m for other in SETS if other != file for m in members(other).values()]
    for name, molecule in members(file).items():
        assert 5 <= n_heavy(molecule) <= 8, name
        for other in known:
            if sorted(other.symbols) == sorted(molecule.symbols):
                assert np.abs(spectrum(other) - spectrum(molecule)).max() > 0.5, name


def test_more_molecules_than_compiled_code_has_room_for_are_refused(tmp_path, monkeypatch):
    limit = tmp_path / "max_map_count"
    limit.write_text("65530\n")
    monkeypatch.setattr(pool, "MAPS_LIMIT", limit)
    several = list(members("general.xyz").values())
    level = parse_theory("b3lyp5/def2-svp")
    pool.check_memory_maps(several, level)  # a hundred molecules have few sizes
    limit.write_text("20000\n")
    with pytest.raises(ValueError, match=r"of \d\d different sizes .* 20,000; allow more"):
        pool.check_memory_maps(several, level)
    monkeypatch.setattr(pool, "MAPS_LIMIT", tmp_path / "none")
    pool.check_memory_maps(several, level)

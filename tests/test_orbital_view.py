"""The orbital viewer without a browser: what it sends, and what it refuses."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.linalg import eigh
from scipy.stats import special_ortho_group

from qptlab.dft import overlap_matrix
from qptlab.lab.panels.orbitals import DIFFERENCE, PREDICTED, PYSCF, OrbitalPanel, view_orbital
from qptlab.lab.views import bundle, molecule_view
from qptlab.lab.views.box import CLIP, Box, byte_step, to_bytes
from qptlab.lab.views.camera import first_view
from qptlab.lab.views.molecule_view import _Bringer, molecule_html, register_formatters
from qptlab.lab.views.orbital_picture import aligned_orbitals
from qptlab.lab.views.orbital_view import OrbitalView
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory

N_OCC = 5  # of water

CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("import qptlab as ql").raise_error()
loaded = sorted({"py3Dmol", "ipywidgets", "equinox", "pyscf"} & set(sys.modules))
result = shell.run_cell('ql.molecule("water")').result
shown, _ = shell.display_formatter.format(result)
print(json.dumps(
    {"html": shown["text/html"], "plain": shown["text/plain"], "loaded at import": loaded}
))
"""


@dataclass(frozen=True)
class Orbitals:
    """As much of a result as the viewer needs."""

    molecule: Molecule
    theory: Theory
    mo_coeff: np.ndarray
    mo_energy: np.ndarray
    n_occ: int = N_OCC


@pytest.fixture(scope="module")
def water() -> Orbitals:
    """Orthonormal orbitals of water, two occupied and two empty ones of the same energy."""
    where, what = molecule("water"), parse_theory("pbe/6-31g*")
    overlap = overlap_matrix(where, what)
    shake = np.random.default_rng(0).normal(size=overlap.shape)
    energy, coeff = eigh(shake + shake.T, overlap)
    energy = np.linspace(-20, 5, len(energy))
    energy[3], energy[8] = energy[2], energy[7]
    return Orbitals(where, what, coeff, energy)


@pytest.fixture(scope="module")
def turned(water) -> Orbitals:
    """The same orbitals with other signs and other mixtures of equals."""
    coeff = water.mo_coeff * np.random.default_rng(1).choice([-1, 1], len(water.mo_energy))
    for pair in (slice(2, 4), slice(7, 9)):
        coeff[:, pair] = coeff[:, pair] @ special_ortho_group.rvs(2, random_state=3)
    return replace(water, mo_coeff=coeff)


@given(arrays(float, 50, elements=st.floats(-0.5, 0.5)))
def test_a_byte_is_right_within_half_a_step(field):
    restored = np.frombuffer(to_bytes(field), np.int8) * byte_step()
    assert np.abs(restored - np.clip(field, -CLIP, CLIP)).max() <= byte_step() / 2 * (1 + 1e-12)


def test_the_box_holds_the_molecule_and_its_margin():
    positions = molecule("ethanol").positions
    box = Box.around(positions, margin=4.0)
    points = box.points
    assert points.shape == (np.prod(box.shape), 3) and len(points) < 120_000
    assert (points.min(axis=0) <= positions.min(axis=0) - 4.0 + 1e-12).all()
    assert (points.max(axis=0) >= positions.max(axis=0) + 4.0 - 1e-12).all()
    np.testing.assert_allclose(points[1] - points[0], [0, 0, box.spacing], atol=1e-12)


@pytest.mark.parametrize("name", ["water", "benzene", "methane"])
def test_the_first_view_turns_rigidly_and_sees_every_atom(name):
    positions = molecule(name).positions_angstrom
    camera = np.array(first_view(positions))
    np.testing.assert_allclose(np.linalg.norm(camera[4:]), 1)
    np.testing.assert_allclose(camera[:3], -positions.mean(axis=0))
    assert np.isfinite(first_view(positions[:1])).all()  # a single atom


def test_reference_orbitals_are_turned_onto_the_predicted(water, turned):
    overlap = overlap_matrix(water.molecule, water.theory)
    arguments = water.mo_coeff, turned.mo_coeff, turned.mo_energy, overlap, N_OCC
    assert np.abs(turned.mo_coeff - water.mo_coeff).max() > 0.1
    np.testing.assert_allclose(aligned_orbitals(*arguments), water.mo_coeff, atol=1e-12)


def test_alignment_mixes_neither_other_energies_nor_occupied_with_empty(water):
    overlap = overlap_matrix(water.molecule, water.theory)
    swapped = water.mo_coeff[:, [1, 0, *range(2, len(water.mo_energy))]]
    aligned = aligned_orbitals(water.mo_coeff, swapped, water.mo_energy, overlap, N_OCC)
    assert abs(water.mo_coeff[:, 0] @ overlap @ aligned[:, 0]) < 1e-10
    level = np.zeros_like(water.mo_energy)  # all equal: only the occupation divides
    shuffled = water.mo_coeff[:, ::-1]
    aligned = aligned_orbitals(water.mo_coeff, shuffled, level, overlap, N_OCC)
    left = aligned[:, :N_OCC].T @ overlap @ shuffled[:, N_OCC:]
    assert np.abs(left).max() < 1e-10


def test_every_control_changes_the_picture(water):
    shifted = replace(water, mo_coeff=water.mo_coeff[:, ::-1])
    panel = view_orbital(water, "homo", reference=shifted)
    seen = {panel.view.field}
    for mode in (PYSCF, DIFFERENCE):
        panel.mode.value = mode
        seen.add(panel.view.field)
    panel.mode.value = PREDICTED
    for index in (0, 7):
        panel.orbital.value = index
        seen.add(panel.view.field)
    assert len(seen) == 5
    panel.isovalue.value = 0.1
    assert panel.view.isovalue == 0.1


def test_titles_name_the_orbital_and_its_energy(water):
    panel = view_orbital(water, "homo-1")
    assert panel.orbital.label == "HOMO-1"
    assert panel.view.title.startswith("HOMO-1 · −")
    assert "Ha" in panel.view.title and "eV" in panel.view.title
    assert "H2O" in panel.view.alt and panel.view.title in panel.view.alt


def test_the_same_orbitals_differ_by_nothing(water, turned):
    panel = view_orbital(water, "homo-2", reference=turned)
    panel.mode.value = DIFFERENCE
    assert set(panel.view.field) == {0}
    assert "no difference" in panel.view.title


def test_a_small_difference_is_magnified_and_says_so(water):
    nudge = 1e-4 * np.random.default_rng(0).normal(size=water.mo_coeff.shape)
    panel = view_orbital(water, "lumo", replace(water, mo_coeff=water.mo_coeff + nudge))
    panel.mode.value = DIFFERENCE
    assert "magnified" in panel.view.title
    field = np.frombuffer(panel.view.field, np.int8) * panel.view.scale
    assert (np.abs(field) > panel.view.isovalue).mean() > 0.003


def test_without_a_reference_there_is_nothing_to_compare(water):
    panel = view_orbital(water, reference=water)
    panel.mode.value = DIFFERENCE
    panel.show(water)
    assert panel.mode.disabled and panel.mode.value == PREDICTED
    assert "PySCF" in panel.mode.tooltips[1]


def test_a_new_result_or_molecule_keeps_the_orbital_of_the_same_name(water):
    panel = view_orbital(water, "homo-1")
    before = panel.view.field
    panel.show(replace(water, mo_coeff=water.mo_coeff[:, ::-1]))
    assert panel.orbital.label == "HOMO-1" and panel.view.field != before
    other = molecule("ammonia")
    n_ao = len(overlap_matrix(other, water.theory))
    panel.show(Orbitals(other, water.theory, np.eye(n_ao), np.arange(n_ao) * 1.0))
    assert panel.orbital.label == "HOMO-1" and len(panel.view.atoms) == 4


def test_a_molecule_may_come_before_its_orbitals(water):
    panel = OrbitalPanel()
    panel.show_molecule(water.molecule)
    assert panel.view.title == "H2O" and panel.view.field == b"" and panel.orbital.disabled
    panel.show(water)
    assert panel.orbital.label == "HOMO" and not panel.orbital.disabled
    panel.show_molecule(molecule("ammonia"))
    assert panel.view.field == b"" and panel.orbital.disabled
    with pytest.raises(ValueError, match="no orbitals yet"):
        panel.select("homo")


@pytest.mark.parametrize("which", ["homo-5", "lumo+99", "homo+1", "somo", -1, 18, 1.5, True, None])
def test_an_orbital_that_does_not_exist(water, which):
    with pytest.raises(ValueError, match=r'give "homo" to "homo-4"') as caught:
        view_orbital(water, which)
    assert repr(which) in str(caught.value)


def test_a_reference_for_something_else(water):
    moved = replace(water, molecule=Molecule(("O", "H", "H"), water.molecule.positions * 1.01))
    with pytest.raises(ValueError, match="another molecule, geometry or basis"):
        OrbitalPanel().show(water, moved)


def test_bad_use_of_the_view(water):
    with pytest.raises(ValueError, match="no orbitals yet"):
        OrbitalPanel().select("homo")
    view = OrbitalView()
    view.show_molecule(water.molecule, Box.around(water.molecule.positions))
    with pytest.raises(ValueError, match="on a box of"):
        view.show_field(np.zeros(7), "", [])


def test_without_the_front_end_the_box_says_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "not-built.txt").write_text('npm said "no network"')
    monkeypatch.setattr(bundle, "STATIC", tmp_path)
    monkeypatch.setattr(bundle, "BUNDLE", tmp_path / "orbital_view.js")
    script = bundle.front_end()
    assert "pip install -e ." in script and r"npm said \"no network\"" in script


@pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built")
def test_a_molecule_is_shown_without_any_address():
    with_library = molecule_html(molecule("water"))
    without = molecule_html(molecule("water"), with_library=False)
    assert "H2O, 3 atoms, 10 electrons" in without and "http" not in without
    assert len(without) < 6_000 < 100_000 < len(with_library) < 300_000


@pytest.mark.skipif(not bundle.BUNDLE.exists(), reason="the 3D front end was not built")
def test_a_cell_that_ends_in_a_molecule_shows_it_in_3d(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CELLS],
        capture_output=True,
        text=True,
        env=os.environ | {"IPYTHONDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    assert "3dmolviewer_" in shown["html"] and "H2O" in shown["plain"]
    assert not shown["loaded at import"]


def test_without_a_running_ipython_nothing_is_registered(monkeypatch):
    monkeypatch.setattr(molecule_view, "get_ipython", lambda: None)
    monkeypatch.setattr(molecule_view, "_Bringer", None)
    register_formatters()


def test_one_cell_brings_the_library_and_brings_it_again_when_run_again():
    class Shell:
        cell = None

        def get_parent(self):
            return {"metadata": {"cellId": self.cell}}

    shell = Shell()
    bringer = _Bringer(shell)
    brought = []
    for shell.cell in ("a", "b", "a", "c", "b"):
        brought.append(bringer.brings_library())
    assert brought == [True, False, True, False, True]

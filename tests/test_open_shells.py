"""Unpaired electrons: against PySCF's UKS, in comparisons, in pictures, and before a network."""

import numpy as np
import pytest
from geometries import distorted, linear
from tiers import later, slow

import qptlab as ql
from qptlab.dft import overlap_matrix
from qptlab.lab.panels.molecule_input import MoleculeInput
from qptlab.lab.panels.setup import Setup, build
from qptlab.lab.views.molecule_view import molecule_html
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.sampling import Frames, wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.reference import compare

ATOM = [[0.0, 0.0, 0.0]]
HYDROGEN = Molecule(("H",), ATOM, spin=1)


@pytest.fixture(scope="module")
def oxygen():
    return ql.scf(molecule("oxygen"), "pbe/sto-3g")


@pytest.mark.parametrize(
    "case, spec",
    [
        later(molecule("methyl"), "pbe/def2-svp"),
        (distorted("water", charge=1, spin=1), "b3lyp/6-31g*"),
        (molecule("nitric-oxide"), "hf/sto-3g"),  # two states of one energy, as OH
        (molecule("hydroxyl"), "pbe/sto-3g"),
        later(molecule("oxygen", charge=-1, spin=1), "hf/6-31g"),
        later(Molecule(("Li",), ATOM, spin=1), "pbe/def2-svp"),
        (Molecule(("N",), ATOM, spin=3), "r2scan/def2-svp"),
        (HYDROGEN, "pbe/def2-svp"),  # no β electron
        later(linear("H", "H", distance=2.0, charge=1, spin=1), "cam-b3lyp/6-31g*"),
        later(linear("H", "H", distance=2.0, spin=2), "lda/6-31g*"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.formula,
)
def test_our_scf_is_pyscfs(case, spec):
    ours = ql.scf(case, spec)
    assert ours.converged, ours.message
    found = compare(ours)
    mine, theirs = found.terms["total"]
    assert abs(mine - theirs) < 1e-8, found
    assert found.mo_energy < 1e-6 and found.density < 1e-5, found


def test_a_comparison_says_which_state_it_is_of(oxygen):
    assert compare(oxygen).note == ""
    # one of several states of one energy: PySCF need not find ours
    hydroxyl = ql.scf(molecule("hydroxyl"), "pbe/sto-3g")
    assert compare(hydroxyl).density < 1e-6
    with pytest.raises(ValueError, match="one spin of O2; compare the whole result"):
        compare(oxygen.of_spin("alpha"))


def test_a_closed_gap_is_told():
    # the guess is a sphere: the first Fock matrix cannot tell one p orbital from another
    carbon = ql.scf(Molecule(("C",), ATOM), "pbe/sto-3g", max_builds=1)
    assert abs(carbon.lumo - carbon.homo) < 1e-9
    assert "The HOMO–LUMO gap is closed" in carbon.message
    assert "try another spin or charge" in carbon.message
    # one electron, two protons a metre apart
    hydrogens = linear("H", "H", distance=2e9, charge=1, spin=1)
    assert "gap is closed" in ql.scf(hydrogens, "hf/sto-3g").message
    triplet = ql.scf(Molecule(("C",), ATOM, spin=2), "pbe/sto-3g")
    assert triplet.converged and "closed" not in triplet.message


def test_orbitals_of_one_spin_can_be_looked_at(oxygen):
    for show in (ql.view_orbital, ql.lab.panels.orbitals.OrbitalPanel().show):
        with pytest.raises(ValueError, match=r'O2 is an open .* result.of_spin\("alpha"\)'):
            show(oxygen)
    alpha, beta = oxygen.of_spin("alpha"), oxygen.of_spin("beta")
    with pytest.raises(ValueError, match=r'choose one: reference.of_spin\("alpha"\)'):
        ql.view_orbital(alpha, reference=oxygen)
    panel = ql.view_orbital(alpha, "homo", reference=alpha)
    assert panel.orbital.value == 8 and panel.view.note == "occupied"
    assert ql.view_orbital(beta, "homo").orbital.value == 6
    panel.show(beta)  # the name stays, not the number
    assert panel.orbital.label == "HOMO" and panel.orbital.value == 6
    field = np.frombuffer(panel.view.field, np.int8) * panel.view.scale
    assert np.abs(field).max() > panel.isovalue.value


def test_a_spin_without_electrons_has_no_homo():
    beta = ql.scf(HYDROGEN, "hf/6-31g").of_spin("beta")
    with pytest.raises(ValueError, match='no orbital \'homo\' here; give "lumo" to "lumo\\+1", or'):
        ql.view_orbital(beta)
    panel = ql.view_orbital(beta, "lumo")
    assert panel.orbital.label == "LUMO" and panel.view.note == "empty"


def test_the_caption_of_a_molecule_names_unpaired_electrons():
    assert "charge +1, 1 unpaired" in molecule_html(molecule("water", charge=1, spin=1))
    assert "unpaired" not in molecule_html(molecule("water"))


def test_networks_are_for_closed_shells(oxygen):
    sentence = "networks are for closed shells only; O2 with spin 2"
    with pytest.raises(ValueError, match=sentence):
        ql.BlockQPT.create(molecule("oxygen"), "pbe/sto-3g")
    model = ql.BlockQPT.create(molecule("oxygen", spin=0), "pbe/sto-3g")
    with pytest.raises(ValueError, match=sentence):
        ql.predict(model, molecule("oxygen"))
    with pytest.raises(ValueError, match=sentence):
        ql.Training(model, wiggle(molecule("oxygen")))
    with pytest.raises(ValueError, match="frames of different molecules"):
        Frames((molecule("oxygen", spin=0), molecule("oxygen")))
    # the workbench trains networks and offers no open shell; asked for one, it says the same
    with pytest.raises(ValueError, match=sentence):
        build(Setup("oxygen", molecule("oxygen"), ql.theory("pbe/sto-3g"), network="new"))
    offered = MoleculeInput().library.options
    assert "oxygen" not in offered and "water" in offered


@slow
def test_a_network_can_learn_hartree_fock():
    model = ql.BlockQPT.create(molecule("hydrogen"), "hf/sto-3g")
    run = ql.Training(model, wiggle(molecule("hydrogen")), TrainConfig(steps=2, n_validation=1))
    assert all(np.isfinite(log.loss) for log in run)
    prediction = run.predict(molecule("hydrogen"), refine=1)
    overlap = overlap_matrix(prediction.molecule, prediction.theory)
    assert np.sum(prediction.dm * overlap) == pytest.approx(2)

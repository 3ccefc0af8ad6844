"""What is chosen before a training: molecules of one's own, costs told before anything runs."""

import html
import re

import numpy as np
import pytest
from waiting import wait_until

from qptlab.dft.integrals import integrals
from qptlab.dft.size import size
from qptlab.lab.panels.choices import Choices, time_text
from qptlab.lab.panels.molecule_input import OWN
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.qpt.training.estimate import step_seconds
from qptlab.reading.smiles import from_smiles
from qptlab.theory import parse_theory


def words(widget):
    return html.unescape(re.sub(r"<[^>]+>", "", widget.value))


def test_what_a_training_costs_or_why_it_cannot_run_is_said_before():
    choices = Choices()
    wait_until(lambda: "24 orbitals, 5 of them filled · 113 aux" in words(choices.cost), 60)
    assert "grid points" in words(choices.cost) and "a step" in words(choices.cost)
    choices.molecule.charge.value = 1
    wait_until(lambda: "9 electrons" in words(choices.cost), 20)
    choices.molecule.charge.value = 0
    choices.basis.value = "def3-svp"
    wait_until(lambda: "def3-svp" in words(choices.cost), 20)
    choices.basis.value, choices.loss.value = "sto-3g", "energie"
    wait_until(lambda: "energie" in words(choices.cost), 20)


def test_a_molecule_of_ones_own_is_an_xyz_or_a_smiles():
    choices, heard = Choices(), []
    choices.changed.connect(lambda: heard.append(choices.molecule.molecule.formula))
    own = choices.molecule
    assert own.own.layout.display == "none"
    own.library.value = OWN
    assert own.own.layout.display == "flex" and own.molecule == molecule("water")
    own.text.value = to_xyz(molecule("ammonia"), "charge=0")
    assert own.molecule.formula == choices.setup().name == "H3N"
    own.text.value = "[NH4+]"
    assert own.molecule.charge == 1 and len(own.molecule.symbols) == 5
    own.text.value = "no molecule at all"
    assert "SMILES" in words(own.problem)
    assert own.molecule.charge == 1, "the molecule before stays"
    own.library.value = "water"
    assert choices.setup().molecule == molecule("water")
    assert heard == ["H3N", "H4N", "H2O"]


def test_what_an_opened_run_is_about_is_taken_over():
    choices, heard = Choices(), []
    choices.changed.connect(lambda: heard.append(choices.molecule.molecule))
    mine = from_smiles("[OH-]")
    for known, name in ((molecule("ammonia"), "ammonia"), (mine, "HO")):
        choices.offer(known, parse_theory("hf/sto-3g"))
        assert choices.setup().molecule == heard[-1] == known
        assert (choices.setup().name, str(choices.setup().theory)) == (name, "hf/sto-3g")
    assert choices.molecule.library.value == OWN and choices.molecule.charge.value == -1
    choices.molecule.charge.value = 0
    choices.molecule.library.value = "water"
    assert choices.setup().molecule == molecule("water")


@pytest.mark.parametrize("spec", ["pbe/def2-svp", "hf/6-31g*"])
def test_sizes_told_beforehand_are_those_of_the_integrals(spec):
    ammonia, level = molecule("ammonia"), parse_theory(spec)
    told, ints = size(ammonia, level), integrals(ammonia, level)
    # the fitted integrals are filled up to whole blocks only for exchange
    found = (ints.n_ao, ints.n_occ, len(ints.shells.l), ints.coulomb.cderi.shape[0])
    assert (told.n_ao, told.n_occ, told.n_shell, told.n_aux) == found
    # far from an atom's own region a weight may be too small to be a number
    assert told.n_grid == pytest.approx(np.count_nonzero(ints.grid_weights), rel=0.01)


def test_larger_molecules_and_hybrids_take_longer_a_step():
    def seconds(name, hybrid):
        return step_seconds(size(molecule(name), parse_theory("pbe/def2-svp")), hybrid, speed=95e9)

    names = ("water", "ethanol", "benzene", "uracil", "alanine-dipeptide")
    assert [seconds(name, True) for name in names] == sorted(seconds(name, True) for name in names)
    assert all(seconds(name, True) > seconds(name, False) for name in names)
    assert seconds("water", True) < 0.02 < 0.2 < seconds("alanine-dipeptide", True) < 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0049, "5 ms"), (0.0123, "10 ms"), (0.0995, "0.1 s"), (0.34, "0.3 s"), (12.3, "12 s")],
)
def test_time_text(seconds, text):
    assert time_text(seconds) == text


def test_a_smiles_is_a_molecule_of_the_same_bonds():
    ethanol = from_smiles("CCO")
    assert ethanol.formula == "C2H6O" and ethanol.charge == 0
    oxygen = ethanol.positions[ethanol.symbols.index("O")]
    nearest = np.sort(np.linalg.norm(ethanol.positions - oxygen, axis=1))[1:3]
    assert nearest == pytest.approx([1.83, 2.65], abs=0.1), "O–H and O–C, bohr"
    assert from_smiles(" [NH4+] ").charge == 1
    for wrong in ("", "C(C", "water"):
        with pytest.raises(ValueError, match="is not a SMILES"):
            from_smiles(wrong)

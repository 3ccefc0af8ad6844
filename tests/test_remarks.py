"""What results say about their accuracy, and that it is so, by PySCF."""

import numpy as np
import pytest
from geometries import linear
from pyscf import dft, gto, scf
from tiers import slow

import qptlab as ql
from qptlab.dft.integrals import overlap_matrix
from qptlab.dft.remarks import remarks
from qptlab.library import molecule
from qptlab.qpt.prepared import prepare
from qptlab.theory import Theory

CROWDED = linear(*6 * ["H"], distance=1.4)
WELL = np.eye(2)


@pytest.mark.parametrize(
    "case, theory, sentence",
    [
        (molecule("water"), Theory("pbe", "def2-svp"), ""),
        (molecule("water"), Theory("hf", "def2-svp", grid=0), ""),
        (molecule("water"), Theory("r2scan", "def2-svp"), ""),
        (molecule("water"), Theory("pbe", "def2-svp", grid=0), "Grid level 0 is"),
        (linear("H", "Cl", distance=2.4), Theory("r2scan", "def2-svp"), "r2scan beyond neon"),
        (linear("H", "Cl", distance=2.4), Theory("r2scan", "def2-svp", grid=2), ""),
        (linear("H", "I", distance=3.0), Theory("pbe", "def2-svp"), ""),
        (linear("H", "I", distance=3.0), Theory("pbe", "sto-3g"), "All electrons of I are"),
        (linear("Zn", "O", distance=3.3), Theory("pbe", "cc-pvdz-DK"), "total energy of Zn is"),
        (linear("Zn", "O", distance=3.3), Theory("pbe", "ano@5s4p2d"), "total energy of Zn is"),
        (linear("Zn", "O", distance=3.3), Theory("pbe", "cc-pvdz"), ""),
        (molecule("water"), Theory("pbe", "ano@3s2p1d"), ""),
    ],
)
def test_a_sentence_where_the_energy_is_far_off(case, theory, sentence):
    found = remarks(case, theory, WELL)
    assert bool(found) == bool(sentence)
    assert sentence in found
    assert found.count(". ") <= 1


def test_functions_that_repeat_each_other():
    crowded = overlap_matrix(CROWDED, Theory("hf", "aug-cc-pvdz"))
    assert np.linalg.eigvalsh(crowded)[0] < 1e-6
    assert "nearly repeat each other" in remarks(CROWDED, Theory("hf", "aug-cc-pvdz"), crowded)
    benzene = overlap_matrix(molecule("benzene"), Theory("hf", "aug-cc-pvdz"))
    assert remarks(molecule("benzene"), Theory("hf", "aug-cc-pvdz"), benzene) == ""


def test_results_carry_the_sentence_predictions_too():
    hydrogen, coarse = molecule("hydrogen"), Theory("pbe", "sto-3g", grid=0)
    converged = ql.scf(hydrogen, coarse)
    sentence = remarks(hydrogen, coarse, WELL)
    assert "Grid level 0 is" in sentence and converged.message.endswith(sentence)
    network = ql.BlockQPT.create(hydrogen, coarse)
    assert ql.predict(network, hydrogen).message.endswith(sentence)


def test_a_prediction_looks_at_the_overlap_that_it_has(monkeypatch):
    network = ql.BlockQPT.create(CROWDED, Theory("hf", "aug-cc-pvdz"))
    prepared = prepare(CROWDED, network.theory)
    monkeypatch.setattr(gto.Mole, "intor", None)
    said = ql.predict(network, CROWDED, prepared=prepared).message
    assert "nearly repeat each other" in said


@pytest.mark.parametrize(
    "atoms, xc, level, least",
    [("H 0 0 0; Cl 0 0 1.275", "pbe", 0, 2e-3), ("H 0 0 0; Cl 0 0 1.275", "r2scan", 1, 1e-3)],
)
def test_a_coarse_grid_is_as_far_off_as_it_says(atoms, xc, level, least):
    mf = dft.RKS(gto.M(atom=atoms, basis="def2-svp", verbose=0), xc=xc)
    dm = mf.get_init_guess()

    def xc_energy(level):
        grids = dft.gen_grid.Grids(mf.mol).set(level=level, verbose=0).build()
        return mf._numint.nr_rks(mf.mol, grids, xc, dm)[1]

    fine = xc_energy(5)
    assert abs(xc_energy(level) - fine) > least > abs(xc_energy(level + 1) - fine)


@slow
def test_relativistic_contractions_lie_high():
    contracted, own = (
        scf.RHF(gto.M(atom="Zn", basis=basis, verbose=0)).run().e_tot
        for basis in ("cc-pvdz-dk", "cc-pvdz")
    )
    assert contracted - own > 1

"""A network's density starts PySCF's calculations, where molecule and basis fit."""

import numpy as np
import pytest
from geometries import distorted
from pyscf import dft, gto, scf
from test_qpt import shaken

import qptlab as ql
from qptlab.library import molecule
from qptlab.reference import pyscf_mean_field, pyscf_work
from qptlab.reference.scf_cost import PREDICTED, TOLERANCES, scf_costs
from qptlab.theory import parse_theory

SPEC = "pbe/6-31g*"


@pytest.fixture(scope="module")
def network():
    return shaken(ql.BlockQPT.create(molecule("water"), SPEC), size=1e-4)


def mole(case, **changes):
    atoms = list(zip(case.symbols, case.positions.tolist(), strict=True))
    return gto.M(**{"atom": atoms, "basis": "6-31g*", "unit": "Bohr", "verbose": 0, **changes})


def builds(mf, dm0) -> int:
    mf.conv_tol = 1e-9
    mf.kernel(dm0=dm0)
    assert mf.converged
    return mf.cycles


def test_pyscf_starts_from_the_prediction(network):
    case = distorted("water")
    for mf in (pyscf_mean_field(case, SPEC), dft.RKS(mole(case), xc="pbe")):
        dm0 = ql.initial_guess(mf, network, refine=4)
        np.testing.assert_allclose(dm0, ql.predict(network, case, refine=4).dm, atol=1e-10)
        assert builds(mf, dm0) < builds(mf, mf.get_init_guess())


def test_an_unrestricted_calculation_gets_both_spins(network):
    mf = scf.UHF(mole(distorted("water")))
    dm0 = ql.initial_guess(mf, network)
    assert dm0.shape == (2, mf.mol.nao, mf.mol.nao)
    assert np.einsum("sij,ji->s", dm0, mf.get_ovlp()) == pytest.approx([5, 5])


def test_what_does_not_fit_is_said(network):
    case = distorted("water")
    atoms = list(zip(case.symbols, case.positions.tolist(), strict=True))
    refused = {
        "H2O in this network's basis, 6-31g\\*, has 18": {"basis": "sto-3g"},
        "orbitals are not those of 6-31g\\*": {"basis": {"O": "6-31g*", "H": "3-21g"}},
        "Cartesian orbitals": {"cart": True},
        "has ghost atoms": {"atom": [("ghost-O", atoms[0][1]), *atoms[1:]]},
        "closed shells only": {"charge": 1, "spin": 1},
        "this network was made for H, O; H3N": {
            "atom": [("N", (0, 0, 0)), ("H", (2, 0, 0)), ("H", (0, 2, 0)), ("H", (0, 0, 2))]
        },
    }
    for message, changes in refused.items():
        with pytest.raises(ValueError, match=message):
            ql.initial_guess(scf.RHF(mole(case, **changes)), network)


def test_costs_are_what_pyscf_spends(network):
    """Counted along one tight run, they are those of a run to each tolerance."""
    case, level = distorted("water"), parse_theory(SPEC)
    prediction = ql.predict(network, case, refine=2)
    costs = scf_costs(case, level, prediction.dm, builds=3, seconds=10.0)
    for tolerance in TOLERANCES:
        for guess in ("huckel", PREDICTED):
            mf = pyscf_mean_field(case, level)
            mf.conv_tol, mf.conv_tol_grad = tolerance, None
            dm0 = prediction.dm if guess == PREDICTED else mf.get_init_guess(key=guess)
            spent = pyscf_work.count_builds(mf)
            mf.kernel(dm0=dm0)
            own = 3 if guess == PREDICTED else 0
            assert costs[f"{tolerance:.0e}"][guess]["fock_builds"] == spent[0] + own
    seconds = [costs[tolerance][PREDICTED]["seconds"] for tolerance in costs]
    assert 10 < seconds[0] <= seconds[1] <= seconds[2]
    assert "vsap" not in scf_costs(case, parse_theory("hf/sto-3g"), np.eye(7), 1, 0.0)["1e-06"]

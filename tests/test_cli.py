"""The command line as other programs call it: one JSON object, one line per error, exit status."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
from tiers import slow

from qptlab.cli import arguments, main, tables
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.qpt.predict import predict
from qptlab.reference import pyscf_mean_field, pyscf_scf
from qptlab.reference.scf_cost import GUESSES

FAST = ["--theory", "pbe/sto-3g"]


def json_of(capsys, *argv) -> dict:
    assert main([*argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_energy(capsys):
    record = json_of(capsys, "energy", "water", *FAST, "--coulomb", "exact", "--grid", "2")
    judge = pyscf_scf(molecule("water"), "pbe/sto-3g")
    keys = {"energy", "converged", "fock_builds", "terms", "mo_energy", "homo", "lumo", "dipole"}
    assert keys | {"seconds"} <= set(record)
    assert set(record["terms"]) == {"core", "coulomb", "exchange", "xc", "nuclear"}
    assert sum(record["terms"].values()) == pytest.approx(record["energy"], abs=1e-10)
    # another grid and exact integrals: near, not equal
    assert record["energy"] == pytest.approx(float(judge.energy.total), abs=1e-3)
    assert record["homo"] == record["mo_energy"][4] and record["lumo"] == record["mo_energy"][5]


def test_energy_of_several_frames(capsys, tmp_path):
    path = tmp_path / "frames.xyz"
    path.write_text(to_xyz(molecule("water")) + to_xyz(molecule("water")))
    record = json_of(capsys, "energy", str(path), *FAST)
    first, second = record["frames"]
    assert first["energy"] == pytest.approx(second["energy"], abs=1e-9)


def test_energy_of_an_open_shell(capsys, tmp_path):
    record = json_of(capsys, "energy", "oxygen", *FAST, "--spin", "2", "--forces")
    judge = pyscf_mean_field(molecule("oxygen"), "pbe/sto-3g").run()
    assert (record["spin"], record["charge"]) == (2, 0)
    assert record["n_occ"] == {"alpha": 9, "beta": 7}
    assert abs(record["energy"] - judge.e_tot) < 1e-8
    levels = [record["mo_energy"][spin] for spin in ("alpha", "beta")]
    np.testing.assert_allclose(levels, judge.mo_energy, atol=1e-6)
    assert record["homo"] == max(levels[0][8], levels[1][6])
    assert record["lumo"] == min(levels[0][9], levels[1][7])
    gradient = judge.nuc_grad_method().set(grid_response=True).kernel()
    np.testing.assert_allclose(record["forces"], -gradient, atol=1e-6)

    path = tmp_path / "water.xyz"
    path.write_text(to_xyz(molecule("water")))
    cation = json_of(capsys, "energy", str(path), *FAST, "--charge", "1", "--spin", "1")
    judge = pyscf_mean_field(molecule("water", charge=1, spin=1), "pbe/sto-3g").run()
    assert abs(cation["energy"] - judge.e_tot) < 1e-8
    theirs = judge.dip_moment(unit="AU", verbose=0)
    np.testing.assert_allclose(cation["dipole"], theirs, atol=1e-5)
    assert "forces" not in cation


def test_what_does_not_converge_says_so(capsys, tmp_path):
    path = tmp_path / "apart.xyz"
    path.write_text(APART)
    argv = ["energy", str(path), "--theory", "hf/sto-3g", "--json"]
    assert main(argv) == 1
    shown = capsys.readouterr()
    record = json.loads(shown.out)
    assert record["converged"] is False
    assert "check the geometry, charge and spin" in record["message"]
    assert shown.err.splitlines()[-1] == "qptlab energy: the SCF did not converge"
    assert main([*argv, "--forces"]) == 1
    shown = capsys.readouterr()
    expected = "no forces without a converged density: FNa, hf/sto-3g: not converged after 60"
    assert not shown.out and expected in shown.err and shown.err.count("\n") == 1


@slow
@pytest.mark.skipif(
    "forces" not in inspect.signature(predict).parameters, reason="predictions have no forces yet"
)
def test_predicted_forces(capsys, run_folder):
    argv = ["predict", str(run_folder), "water", "--refine", "8"]
    (frame,) = json_of(capsys, *argv, "--forces")["frames"]
    judge = pyscf_mean_field(molecule("water"), "pbe/sto-3g").run()
    gradient = judge.nuc_grad_method().set(grid_response=True).kernel()
    np.testing.assert_allclose(frame["forces"], -gradient, atol=1e-4)
    assert "forces" not in json_of(capsys, *argv)["frames"][0]


def test_train(capsys, run_folder, tmp_path):
    record = json_of(capsys, "train", "water", *FAST, "--steps", "3", "--out", str(tmp_path / "r"))
    keys = {"steps", "seconds", "compile_seconds", "samples", "val_energy_mae_ha", "parameters"}
    assert keys | {"run"} <= set(record)
    assert record["steps"] == 3 and set(record["val_energy_mae_ha"]) == {"0", "1", "2", "3"}
    argv = ["train", "water", "--steps", "5", "--out", str(tmp_path / "r"), "--resume"]
    assert json_of(capsys, *argv)["steps"] == 5


@slow
def test_train_the_papers_network(capsys, tmp_path):
    out = str(tmp_path / "r")
    record = json_of(
        capsys, "train", "water", *FAST, "--model", "paper", "--steps", "2", "--out", out
    )
    assert record["parameters"] == 5_438_328
    argv = ["train", "water", "--steps", "3", "--out", out, "--resume"]
    assert json_of(capsys, *argv)["parameters"] == 5_438_328
    assert json_of(capsys, "predict", out, "water", "--refine", "1")["frames"]
    for option, has in (("--model block", "--model paper"), ("--size base", "--size tiny")):
        assert main([*argv, *option.split()]) == 2
        assert f"has {has}; got {option.split()[1]}" in capsys.readouterr().err


def test_predict_and_evaluate(capsys, run_folder):
    (frame,) = json_of(capsys, "predict", str(run_folder), "water", "--refine", "3")["frames"]
    keys = {"energy", "mo_energy", "homo", "lumo", "dipole", "fock_builds", "seconds"}
    assert keys <= set(frame) and frame["fock_builds"] == 4
    record = json_of(capsys, "evaluate", str(run_folder), "water", "--refine", "3")
    judge = pyscf_scf(molecule("water"), "pbe/sto-3g")
    error = abs(frame["energy"] - float(judge.energy.total))
    assert record["energy_mae_ha"] == pytest.approx(error, abs=1e-9)
    assert {
        "fock_mae_ha",
        "raw_fock_mae_ha",
        "mo_energy_mae_ha",
        "occupied_mo_energy_mae_ha",
    } <= set(record)
    assert record["psi_similarity"] > 0.999 and record["wrong_occupation_share"] == 0
    assert set(record["baselines"]) == {"plain", "diis"}
    assert set(record["baselines"]["diis"]) == {"0", "1", "2", "3"}
    assert set(record["scf_speedup"]) == {"1e-06", "1e-09", "1e-12"}
    costs = record["scf_speedup"]["1e-09"]
    assert set(costs) == {*GUESSES, "predicted"} and GUESSES == arguments.GUESSES
    assert all(cost["fock_builds"] >= 5 and cost["seconds"] > 0 for cost in costs.values())
    assert frame["delta2"] == pytest.approx(record["delta2_ha"])
    fewer = json_of(capsys, "evaluate", str(run_folder), "water", "--guesses", "minao")
    assert set(fewer["scf_speedup"]["1e-09"]) == {"minao", "predicted"}
    assert fewer["scf_speedup"]["1e-09"]["minao"]["fock_builds"] == costs["minao"]["fock_builds"]


@pytest.mark.parametrize("command", ["energy", "forces", "evaluate"])
def test_tables_for_people(capsys, run_folder, command):
    argv = {
        "energy": ["energy", "water", *FAST],
        "forces": ["energy", "oxygen", *FAST, "--forces"],
        "evaluate": ["evaluate", str(run_folder), "water", "--refine", "1"],
    }[command]
    assert main(argv) == 0
    shown = capsys.readouterr().out
    words = {
        "energy": ["HOMO / eV", "H2O, pbe/sto-3g"],
        "forces": ["force", "O2, 2 unpaired, pbe/sto-3g"],
        "evaluate": ["no network", "DIIS from minao"],
    }
    for word in words[command]:
        assert word in shown


APART = "2\na salt torn apart: no SCF settles between ions and atoms\nNa 0 0 0\nF 0 0 8\n"


def test_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "qptlab", "energy", "hydrogen", *FAST, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["converged"] is True


def test_the_pace_is_told_where_many_are_predicted(capsys, monkeypatch):
    monkeypatch.setattr(tables, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(tables.time, "monotonic", iter([0.0, 0.0, 1.0, 4.0, 200.0]).__next__)
    assert list(tables.counted(["a", "b", "c", "d"], str.upper)) == ["a", "b", "c", "d"]
    assert capsys.readouterr().err.splitlines() == [
        "1 of 4, 1.0 s each, 0:00:03 left, B",
        "2 of 4, 2.0 s each, 0:00:04 left, C",
        "3 of 4, 66.7 s each, 0:01:07 left, D",
    ]

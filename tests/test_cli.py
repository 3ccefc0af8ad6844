"""The command line as other programs call it: one JSON object, one line per error, exit status."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

from qptlab.cli import main
from qptlab.molecule import molecule, to_xyz
from qptlab.qpt.predict import predict
from qptlab.reference import pyscf_mean_field, pyscf_scf

FAST = ["--theory", "pbe/sto-3g"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", "water", *FAST, "--steps", "20", "--out", str(folder), "--json"]) == 0
    return folder


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
    record = json_of(capsys, "energy", str(path), "--theory", "hf/sto-3g")
    assert record["converged"] is False
    assert "check the geometry, charge and spin" in record["message"]


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
    assert set(costs) == {"minao", "atom", "huckel", "vsap", "predicted"}
    assert all(cost["fock_builds"] >= 5 and cost["seconds"] > 0 for cost in costs.values())
    assert frame["delta2"] == pytest.approx(record["delta2_ha"])


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
BAD = {
    "unknown molecule": (["energy", "watr"], "unknown molecule 'watr'"),
    "unknown functional": (["energy", "water", "--theory", "foo/sto-3g"], "unknown functional"),
    "unknown basis": (["energy", "water", "--theory", "pbe/nope"], "unknown basis 'nope'"),
    "element not in the basis": (["energy", "{iodine}", "--theory", "pbe/6-31g*"], "for I"),
    "odd electrons": (["energy", "water", "--charge", "1"], "give --spin 1, or --charge 2 or 0"),
    "odd spin": (["energy", "water", "--spin", "1"], "cannot have spin 1 (n_α − n_β): give --spin"),
    "negative spin": (["energy", "water", "--spin", "-2"], "whole number, 0 or more; got -2"),
    "half a spin": (["energy", "water", "--spin", "1.5"], "argument --spin: invalid int"),
    "huge spin": (
        ["energy", "water", "--spin", "12"],
        "n_β): give --spin 10 or less",
    ),
    "forces of nothing": (
        ["energy", "{apart}", "--theory", "hf/sto-3g", "--forces"],
        "no forces without a converged density: FNa, hf/sto-3g: not converged after 60",
    ),
    "train an open shell": (["train", "oxygen", "--out", "{new}"], "for closed shells only; O2"),
    "predict an open shell": (["predict", "{run}", "water", "--spin", "2"], "closed shells only"),
    "judge an open shell": (["evaluate", "{run}", "water", "--spin", "2"], "closed shells only"),
    "other spin": (["train", "water", "--out", "{run}", "--resume", "--spin", "2"], "has --spin 0"),
    "coincident atoms": (["energy", "{coincident}"], "apart"),
    "text for numbers": (["energy", "{text}"], "line 3: expected an element and three numbers"),
    "empty file": (["energy", "{empty}"], "empty"),
    "missing file": (["energy", "nowhere.xyz"], "no such file"),
    "a folder.xyz": (["energy", "{dir}"], "is a folder; expected"),
    "not a run": (["predict", "{folder}", "water"], "is not a run folder"),
    "no run": (["evaluate", "nowhere", "water"], "no run folder or model file"),
    "not a model": (["predict", "{text}", "water"], "is not a qptlab model file"),
    "resume nothing": (["train", "water", "--out", "{folder}", "--resume"], "not a run folder"),
    "full folder": (["train", "water", "--out", "{full}"], "is not an empty folder"),
    "no GEOM": (["energy"], "GEOM"),
    "bad number": (["energy", "water", "--charge", "x"], "--charge"),
    "bad command": (["enrgy"], "enrgy"),
    "no time": (["train", "water", "--out", "{new}", "--minutes", "-1"], "minutes -1.0"),
    "bad theory": (["train", "water", "--out", "{new}", "--theory", "pbe/nope"], "unknown basis"),
    "bad sampler": (["train", "water", "--out", "{new}", "--sampler", "file"], "at least 2"),
    "bad refine": (["predict", "{run}", "water", "--refine", "-1"], "refine -1"),
    "other elements": (["predict", "{run}", "ammonia"], "H3N also has N"),
    "run exists": (["train", "water", "--out", "{run}"], "--resume"),
    "other molecule": (["train", "ammonia", "--out", "{run}", "--resume"], "has molecule O H H"),
    "other grid": (["train", "water", "--out", "{run}", "--resume", "--grid", "3"], "has --grid 1"),
    "size of one size": (
        ["train", "water", "--out", "{new}", "--size", "small"],
        "--size small is for --model paper",
    ),
    "bad size": (["train", "water", "--out", "{new}", "--size", "huge"], "choice: 'huge'"),
    "bad model": (["train", "water", "--out", "{new}", "--model", "x"], "choice: 'x'"),
    "other model": (
        ["train", "water", "--out", "{run}", "--resume", "--model", "paper"],
        "has --model block; got paper",
    ),
    "bad seed": (["train", "water", "--out", "{new}", "--seed", "-1"], "seed -1; expected"),
    "huge seed": (["train", "water", "--out", "{new}", "--seed", "9" * 30], "expected a whole"),
    "bad sigma": (["train", "water", "--out", "{new}", "--sigma", "-1"], "sigma -1.0"),
    "bad loss": (["train", "water", "--out", "{new}", "--loss", "enrgy"], "'enrgy' is not one of"),
    "a wiggle's width for md": (
        ["train", "water", "--out", "{new}", "--sampler", "md", "--sigma", "0.1"],
        "--sigma belongs to --sampler wiggle; got md",
    ),
    "a hot wiggle": (
        ["train", "water", "--out", "{new}", "--temperature", "400"],
        "--temperature belongs to --sampler modes or md; got wiggle",
    ),
    "hot frames": (
        ["train", "{two}", "--out", "{new}", "--sampler", "file", "--temperature", "400"],
        "--temperature belongs to --sampler modes or md; got file",
    ),
    "frames to shake": (
        ["train", "{two}", "--out", "{new}", "--sampler", "modes"],
        "holds 2 frames and vibrations start from one; add --sampler file",
    ),
    "colder than cold": (
        ["train", "water", *FAST, "--out", "{new}", "--sampler", "modes", "--temperature", "-4"],
        "temperature -4.0 K; expected a number, 0 or more",
    ),
    "unknown sampler": (
        ["train", "{two}", "--out", "{new}", "--sampler", "dice"],
        "invalid choice: 'dice'",
    ),
    "surface of a wiggle": (
        ["train", "water", "--out", "{new}", "--surface", "hf/sto-3g"],
        "--surface belongs to --sampler modes or md; got wiggle",
    ),
    "no such surface": (
        ["train", "water", *FAST, "--out", "{new}", "--sampler", "modes", "--surface", "hf"],
        "hf",
    ),
    "surface of a resumed run": (
        ["train", "water", "--out", "{run}", "--resume", "--surface", "hf/sto-3g"],
        "leave out --surface",
    ),
    "other temperature": (
        ["train", "water", "--out", "{run}", "--resume", "--temperature", "9"],
        "has --temperature none; got 9.0",
    ),
    "bad lr": (["train", "water", "--out", "{new}", "--lr", "nan"], "learning rate nan"),
    "endless": (["train", "water", "--out", "{new}", "--minutes", "inf"], "minutes inf"),
    "below a file": (["train", "water", "--out", "{text}/run"], "is not a folder to write to"),
    "frames to wiggle": (["train", "{two}", "--out", "{new}"], "add --sampler file"),
    "a folder as GEOM": (["energy", "{folder}"], "expected an .xyz file or a molecule's name"),
    "no name": (["energy", " "], "expected an .xyz file or a molecule's name"),
    "only cores": (
        ["energy", "{sodium}", "--theory", "pbe/lanl2dz", "--charge", "2"],
        "left outside",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path, run_folder, name):
    files = {
        "iodine": "2\n\nI 0 0 0\nI 0 0 2.7\n",
        "coincident": "2\n\nH 0 0 0\nH 0 0 0\n",
        "text": "2\n\nH here 0 0\nH 0 0 1\n",
        "empty": "",
        "two": "1\n\nHe 0 0 0\n1\n\nHe 0 0 1\n",
        "sodium": "2\n\nNa 0 0 0\nNa 0 0 3\n",
        "apart": APART,
    }
    places = {key: tmp_path / f"{key}.xyz" for key in files}
    for key, text in files.items():
        places[key].write_text(text)
    places |= {"folder": tmp_path / "folder", "full": tmp_path / "full", "new": tmp_path / "new"}
    places["dir"] = tmp_path / "dir.xyz"
    places["dir"].mkdir()
    places["folder"].mkdir()
    places["full"].mkdir()
    (places["full"] / "thesis.txt").write_text("mine")
    places["run"] = run_folder
    before = sorted(p for p in tmp_path.rglob("*"))

    argv, message = BAD[name]
    try:
        status = main([word.format(**places) for word in argv])
    except SystemExit as exit_:
        status = exit_.code
    shown = capsys.readouterr()
    assert status == 2 and shown.out == ""
    assert message in shown.err
    assert shown.err.count("\n") == 1 and "Traceback" not in shown.err
    assert sorted(p for p in tmp_path.rglob("*")) == before


def test_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "qptlab", "energy", "hydrogen", *FAST, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["converged"] is True

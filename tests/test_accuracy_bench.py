"""The bench of the networks that ship: true figures, beside the goals, as a table for README."""

import json
from io import StringIO

import numpy as np
import pytest
from geometries import distorted
from rich.console import Console
from test_qpt import shaken

import qptlab as ql
from qptlab.bench import accuracy, options, worker
from qptlab.bench.accuracy import goals
from qptlab.cli import main
from qptlab.cli.tables import print_tables
from qptlab.library import molecule
from qptlab.molecule import to_xyz
from qptlab.qpt.runs import shipped
from qptlab.qpt.runs.shipped import frozen_frames
from qptlab.reference import pyscf_scf

SPEC = "lda/sto-3g"
ABOUT = {"command": "qptlab train water --minutes 5", "seed": 5, "seconds": 301.5}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder of shipped networks with a water and two frozen geometries."""
    folder = tmp_path_factory.mktemp("models")
    network = shaken(ql.BlockQPT.create(molecule("water"), SPEC), size=1e-4)
    ql.save_model(network, folder / "water.safetensors", ABOUT)
    frames = [
        to_xyz(distorted("water", seed), f"trajectory={seed} temperature_k={kelvin}")
        for seed, kelvin in ((1, 500.0), (2, 300.0))
    ]
    (folder / "water.test.xyz").write_text("".join(frames))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "FOLDER", folder)
        yield folder


@pytest.fixture(scope="module")
def report(shelf):
    """As it arrives from the measuring process."""
    return json.loads(json.dumps(worker.report(options("accuracy"))))


def test_test_geometries_are_turned_and_always_the_same_way(shelf):
    frames = frozen_frames("water")
    once, again = accuracy.turned_molecules(frames), accuracy.turned_molecules(frames)
    assert once == again
    for frame, turned in zip(frames, once, strict=True):
        here, there = frame.molecule.positions, turned.positions
        assert np.abs(here - there).max() > 0.1
        products = [(xyz - xyz[0]) @ (xyz - xyz[0]).T for xyz in (here, there)]
        np.testing.assert_allclose(*products, atol=1e-12)


def test_figures_are_those_of_pyscf(shelf, report):
    (row,) = report["rows"]
    assert {"case", "ours_s", "peer_s", "ratio", "threads", "compile_s"} <= set(row)
    assert (row["case"], row["theory"], row["about"]) == ("water", SPEC, ABOUT)
    assert (row["geometries"], row["trajectories"]) == (2, 2)
    assert row["temperature_k"] == [300.0, 500.0]
    network, figures = ql.load("water"), row["figures"]
    for refine in (0, 3):
        errors = {"energy": [], "fock": [], "mo_energy": []}
        for case in accuracy.turned_molecules(frozen_frames("water")):
            ours, judge = ql.predict(network, case, refine), pyscf_scf(case, SPEC)
            errors["energy"].append(abs(float(ours.energy.total - judge.energy.total)))
            for name in ("fock", "mo_energy"):
                off = np.abs(getattr(ours, name) - getattr(judge, name))
                errors[name].append(np.mean(off))
        for name, values in errors.items():
            assert figures[f"{name}_{refine}"] == pytest.approx(np.mean(values), rel=1e-3, abs=1e-9)
    assert figures["diis_3"] < figures["diis_0"]
    # the median of two is their mean
    assert figures["median_3"] == pytest.approx(figures["energy_3"])
    assert figures["worse_than_diis_0"] == figures["worse_than_diis_3"] == 0
    assert figures["share_of_diis_0"] == pytest.approx(figures["energy_0"] / figures["diis_0"])
    starts = row["refine_0"]["scf_speedup"]["1e-09"]
    assert figures["builds_0"] == starts["predicted"]["fock_builds"]
    assert figures["builds_minao"] == starts["minao"]["fock_builds"]
    counts = [figures[f"builds_{refine}"] for refine in range(4)]
    refined = row["refine_3"]["scf_speedup"]["1e-09"]
    assert counts[3] == refined["predicted"]["fock_builds"]
    assert all(count >= refine + 4 for refine, count in enumerate(counts))  # 3 are PySCF's least
    assert figures["share_of_minao"] == min(counts) / figures["builds_minao"]
    judged = {goal["goal"]: goal for goal in report["summary"]["goals"]}
    assert judged["energy_0"]["at_most"] == pytest.approx(5e-6)
    assert judged["energy_0"]["met"] is (figures["energy_0"] <= 5e-6)


def test_goals_are_those_of_the_molecule():
    figures = {
        "energy_0": 9e-5, "energy_3": 3e-7, "fock_3": 4e-6, "mo_energy_3": 5e-5,
        "share_of_diis_0": 0.01, "share_of_diis_3": 0.2, "share_of_minao": 0.62,
        "median_share_of_diis_3": 0.05, "worse_than_diis_3": 1,
    }  # fmt: skip
    met = {goal["goal"]: goal["met"] for goal in goals("uracil", figures)}
    assert met == {
        "energy_0": True, "energy_3": False, "fock_3": True, "mo_energy_3": False,
        "share_of_diis_0": True, "share_of_diis_3": False, "share_of_minao": False,
    }  # fmt: skip
    met = {goal["goal"]: goal["met"] for goal in goals("general", figures)}
    assert met == {
        "median_share_of_diis_3": True, "worse_than_diis_3": False, "share_of_minao": True,
    }  # fmt: skip


def printed(report: dict, **console) -> str:
    out = Console(file=StringIO(), width=120, **console)
    print_tables(accuracy.tables(report), out)
    return out.file.getvalue()


def with_figures(report: dict, **figures: float) -> dict:
    """Two networks: the one of the report with other figures, and another without goals."""
    (row,) = report["rows"]
    first = {**row, "figures": row["figures"] | figures}
    second = {**first, "case": "neon", "about": {}, "training_goal": None}
    judged = [goal for row in (first, second) for goal in goals(row["case"], row["figures"])]
    return {**report, "rows": [first, second], "summary": {"goals": judged}}


def test_the_table_can_be_pasted_into_readme(report):
    shown = printed(
        with_figures(report, energy_0=7.123e-6, energy_3=4e-9, plain_0=0.0824561, plain_3=1.2e-11)
    )
    header, rule, *lines = (line for line in shown.splitlines() if line.startswith("|"))
    assert header == "|  | water | neon |" and rule == "| --- | --- | --- |"
    rows = {cells[0]: cells[1:] for cells in (line[2:-2].split(" | ") for line in lines)}
    assert rows["energy, no refining / µHa"] == ["7.12 (5, missed)", "7.12"]
    assert rows["energy, 3 refining / µHa"] == ["0.004 (0.01)", "0.004"]
    assert rows["energy without a network, 0 / 3 refining / µHa"][0] == "82,500 / 1.2e-05"
    assert rows["temperature / K"] == ["300, 500", "300, 500"]
    assert rows["training time"] == ["301.5 s (5 min)", "–"]
    assert rows["seed"] == ["5", "–"] and rows["trained on"] == ["–", "–"]
    assert "- water: `qptlab train water --minutes 5`\n- neon: –\n" in shown


def test_the_table_fits_a_terminal(report):
    shown = printed(report, force_terminal=True, color_system=None)
    assert "┃" in shown and max(map(len, shown.splitlines())) <= 120


def test_on_the_command_line(report, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("qptlab.bench.measure", lambda options: asked.append(options) or report)
    assert main(["bench", "accuracy", "--cases", "Water", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report
    assert main(["bench", "accuracy"]) == 0
    assert "| energy, no refining / µHa" in capsys.readouterr().out
    assert [(o.cases, o.theories) for o in asked] == [(("water",), ())] * 2


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--cases", "watr"], "no shipped model 'watr'; shipped models: water"),
        (["--cases", ""], "nothing to measure; shipped models: water"),
        (["--theories", "pbe"], "bench accuracy takes no --theories"),
        (["--peer-cases", "water"], "bench accuracy takes no --peer-cases"),
        (["--rounds", "3"], "bench accuracy takes no --rounds"),
    ],
)
def test_bad_input_is_one_line_and_status_2(shelf, capsys, argv, message):
    assert main(["bench", "accuracy", *argv]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and message in shown.err and shown.err.count("\n") == 1


def test_where_nothing_ships_there_is_nothing_to_measure(shelf, monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="nothing to measure; shipped models: none"):
        options("accuracy")

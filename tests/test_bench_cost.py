"""The bench `cost`: what trainings cost, who reaches an error when, and where curves cross."""

import json

import numpy as np
import pytest
from tiers import slow

from qptlab.bench import cost, worker
from qptlab.bench.cost_summary import LOSSES, MEASURES, CostRow, summary
from qptlab.bench.crossing import front, leads, seconds_to
from qptlab.bench.options import options
from qptlab.cli import main
from qptlab.cli.tables import bench_report
from qptlab.lab.plots.cost import cost_figure

FALLING = [(1.0, 1e-2), (100.0, 1e-4), (10.0, 1e-3)]


def test_the_front_leaves_out_what_a_shorter_training_beats():
    assert front([*FALLING, (50.0, 5e-3), (200.0, np.nan)]) == sorted(FALLING)


def test_seconds_to_an_error():
    assert seconds_to(FALLING, 1e-5) is None and seconds_to([], 1.0) is None
    assert seconds_to(FALLING, 2e-2) == (1.0, True)
    for error in (5e-3, 1e-3, 3e-4):  # error = 0.01 / seconds
        assert seconds_to(FALLING, error) == (pytest.approx(0.01 / error), False)


def test_curves_that_cross_once_never_and_late():
    steeper = [(10.0, 1e-2), (100.0, 1e-6)]
    (t0, t1, first), (t2, t3, second) = leads(FALLING, steeper)
    assert (t0, t3) == (pytest.approx(1), pytest.approx(100)) and first and not second
    # 1e-2/t = 1e-2 (10/t)⁴
    assert t1 == t2 == pytest.approx(10 ** (4 / 3), rel=0.02)
    better = [(t, e / 2) for t, e in FALLING]
    assert [lead for *_, lead in leads(FALLING, better)] == [False]
    assert [lead for *_, lead in leads(better, FALLING)] == [True]
    assert [lead for *_, lead in leads(FALLING, [(1000.0, 1e-9)])] == [True]


def rows(curves: dict) -> list[CostRow]:
    rest = dict.fromkeys(("labels", "threads", "lr", "label_s", "compile_s", "train_s", "steps"), 0)
    known = {"case": "water", "theory": "pbe/sto-3g", **rest}
    return [
        CostRow(**known, loss=loss, total_s=seconds, **dict.fromkeys(MEASURES, error))
        for loss, points in curves.items()
        for seconds, error in points
    ]


def test_the_goal_is_the_rivals_best_error_at_a_share_of_its_cost():
    found = summary(
        rows(dict(zip(LOSSES, (FALLING, [(500.0, 1e-3)], [(99.0, 1e-5)]), strict=True)))
    )
    first = found["comparisons"][0]
    assert first["rivals_best"]["hamiltonian"]["ratio"] == pytest.approx(10 / 500)
    assert first["rivals_best"]["coupling"]["ratio"] is None
    assert [goal["met"] for goal in found["goals"][:2]] == [True, False]
    assert first["seconds_to"][0]["energy"] == {"seconds": pytest.approx(10), "at_most": False}
    assert first["seconds_to"][2]["energy"] is None


@slow
def test_one_small_run(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "qptlab.bench.measure", worker.report
    )  # here, compiling as little as it can
    monkeypatch.setattr("jax.clear_caches", lambda: None)
    monkeypatch.setattr(cost, "SHARES", (1,))
    monkeypatch.setattr(cost, "N_VALIDATION", 2)
    picture = tmp_path / "cost.png"
    argv = ["bench", "cost", "--cases", "water", "--theories", "lda/sto-3g", "--labels", "4,6"]
    assert main([*argv, "--minutes", "0.02", "--figure", str(picture), "--json"]) == 0
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    report = json.loads(out)
    assert picture.read_bytes().startswith(b"\x89PNG")
    by_loss = {name: [r for r in report["rows"] if r["loss"] == name] for name in LOSSES}
    assert [len(found) for found in by_loss.values()] == [1, 2, 2]
    for row in report["rows"]:
        parts = row["label_s"] + row["compile_s"] + row["train_s"]
        assert row["total_s"] == pytest.approx(parts) and row["compile_s"] > 0
        assert row["steps"] >= 1 and all(np.isfinite(row[name]) for name in MEASURES)
        assert row["refined_energy_mae_ha"] < row["energy_mae_ha"] < 1
    assert {row["label_s"] for row in by_loss["energy"]} == {0.0}
    four, six = sorted({row["label_s"] for row in by_loss["coupling"]})
    assert 0 < four < six
    bench_report(report)
    shown = capfd.readouterr().out
    for word in ("label-free", "coupling, 6 labels", "who has the smaller error", "missed"):
        assert word in shown


def test_a_picture_names_every_curve():
    names = ("label-free", "coupling, 4 labels", "coupling, 9 labels")
    figure = cost_figure({f"panel {i}": dict.fromkeys(names, FALLING) for i in range(4)})
    assert len(figure.axes) == 4
    for axes in figure.axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
        assert {text.get_text() for text in axes.texts} == set(names)
        first, second, third = axes.lines
        assert first.get_color() != second.get_color() == third.get_color()
        assert first.get_xdata().tolist() == [1, 10, 100]


@pytest.mark.parametrize(
    "argv, message",
    [
        (["cost", "--minutes", "0"], "minutes 0.0; expected a number above 0"),
        (["cost", "--labels", "0,9"], "labels (0, 9); expected numbers of at least 1"),
        (["cost", "--figure", "{here}/x.doc"], "x.doc is no picture; its name may end in ."),
        (["cost", "--figure", "{here}/nowhere/x.png"], "x.png cannot be written"),
        (["dft", "--figure", "{here}/x.png"], "--figure belongs to the bench cost; got dft"),
        (["cost", "--cases", "methyl"], "closed shells only"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capfd, tmp_path, argv, message):
    assert main(["bench", *(word.format(here=tmp_path) for word in argv)]) == 2
    shown = capfd.readouterr()
    assert shown.out == "" and message in shown.err and shown.err.count("\n") == 1


def test_labels_are_sorted():
    assert options("cost", labels=[100, 25]).labels == (25, 100)

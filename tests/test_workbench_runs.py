"""Runs of the workbench: kept on disk, listed, opened, continued and exported."""

import json
from types import SimpleNamespace

import pytest
from tiers import slow
from waiting import wait_until

import qptlab.reference
from qptlab.lab.panels.export import KINDS
from qptlab.lab.panels.runs import RunsPanel
from qptlab.lab.panels.setup import Setup, build
from qptlab.lab.plots.training import overlay_figure
from qptlab.lab.workbench import Workbench
from qptlab.library import molecule
from qptlab.qpt.runs.history import TAIL_BYTES
from qptlab.qpt.runs.listing import list_runs
from qptlab.qpt.training.config import StepLog
from qptlab.theory import parse_theory


def press(bench, text):
    wait_until(lambda: not bench.panel.buttons[text].disabled)
    bench.panel.buttons[text].click()


def stop(bench):
    bench.panel.runner.stop()
    wait_until(lambda: bench.panel.runner.state == "stopped", 60)


def trained(folder, steps=2):
    """A workbench whose small network has been trained on water, and stopped."""
    bench = Workbench(folder=folder)
    bench.orbitals.live.value = False
    choices = bench.choices
    choices.functional.value, choices.basis.value = "lda", "sto-3g"
    choices.network.value, choices.n_validation.value = "new, small", 1
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and len(bench.run.history) > steps, 120)
    wait_until(lambda: any(log.val_error_ha for log in bench.run.history), 120)
    stop(bench)
    return bench


def test_a_run_is_kept_opened_and_continued(tmp_path, monkeypatch):
    no_reference = SimpleNamespace(converged=False)
    monkeypatch.setattr(qptlab.reference, "pyscf_scf", lambda *_: no_reference)
    bench = trained(tmp_path)
    (kept,) = list_runs(tmp_path)
    steps = kept.steps
    assert kept.folder.name.startswith("water-lda-sto-3g-") and kept.theory == "lda/sto-3g"
    assert steps == bench.run.history[-1].step > 2 and set(kept.val_error_ha) == {0, 1, 2, 3}

    other = Workbench(folder=tmp_path)
    other.orbitals.live.value = False
    other.choices.molecule.library.value = "ammonia"
    other.runs.refresh()
    wait_until(lambda: len(other.runs.table.children) == 2)
    other.runs.table.children[1].children[-1].click()  # Open
    wait_until(lambda: other.run is not None and other.panel.runner.latest is not None, 60)
    assert other.setup.molecule == molecule("water") and str(other.setup.theory) == "lda/sto-3g"
    assert (
        other.choices.molecule.library.value == "water" and other.panel.runner.latest.step == steps
    )
    press(other, "Start")
    wait_until(lambda: other.run is not None and other.run.history[-1].step > steps + 1, 120)
    stop(other)
    assert list_runs(tmp_path)[0].steps > steps


@pytest.mark.parametrize("network", ["new, large", "paper's, tiny"])
def test_every_network_can_be_chosen(network):
    setup = Setup("water", molecule("water"), parse_theory("lda/sto-3g"), network=network)
    assert build(setup).model.check(molecule("water")) is None


def test_an_unknown_network_is_one_sentence():
    setup = Setup("water", molecule("water"), parse_theory("lda/sto-3g"), network="mine")
    with pytest.raises(ValueError, match="unknown network 'mine'; known: general, new"):
        build(setup)


def test_a_damaged_run_is_left_out_and_a_long_history_is_read_from_its_end(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{")
    long = tmp_path / "long"
    long.mkdir()
    model = {"kind": "block", "theory": {"xc": "pbe", "basis": "sto-3g"}}
    (long / "config.json").write_text(json.dumps({"model": model, "seconds": 7.0}))
    logs = [
        StepLog(i, -0.1, -76.0, {0: 1 / i, 3: 1e-3 / i} if i % 5 == 0 else None, 1e-3, 1.0, i)
        for i in range(1, 1003)
    ]
    lines = "".join(json.dumps(log.to_json()) + "\n" for log in logs)
    assert len(lines) > 2 * TAIL_BYTES
    (long / "history.jsonl").write_text(lines + '{"step": 1003, "lo')
    (run,) = list_runs(tmp_path)
    assert (run.folder, run.steps, run.seconds, run.theory) == (long, 1002, 7.0, "pbe/sto-3g")
    assert run.val_error_ha == {0: 1 / 1000, 3: 1e-3 / 1000}
    assert list_runs(tmp_path / "nowhere") == []
    panel = RunsPanel(tmp_path, open_run=None)
    panel._read()
    panel._draw()
    said = panel.message.value
    assert (
        "1 cannot be read, or not to the end: &#39;broken&#39; (config.json: it is no JSON" in said
    )


def test_the_overlay_has_a_curve_for_each_run_with_and_without_refining():
    history = [
        StepLog(i, 0.0, -76.0, {0: 1e-3 / i, 3: 1e-6 / i}, 1e-3, 10.0 * i, i) for i in (1, 2, 3)
    ]
    figure = overlay_figure([("a", "#000000", history), ("b", "#0072B2", history[:2])])
    lines = figure.axes[0].lines
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 2, 2]
    assert {line.get_color() for line in lines} == {"#000000", "#0072B2"}
    assert [text.get_text() for text in figure.axes[0].texts].count("333 µHa") == 1
    assert "no validated run" in overlay_figure([]).axes[0].texts[0].get_text()


@slow
def test_everything_can_be_exported_and_says_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bench = Workbench(folder=None)
    exports = bench.exports
    exports.save("cube")
    wait_until(lambda: "no orbitals to save yet" in exports.message.value)
    exports.save("csv")
    wait_until(lambda: "no training to save yet" in exports.message.value)
    bench = trained(None)
    wait_until(lambda: bench.orbitals.panel.shown is not None, 60)
    exports, runner = bench.exports, bench.panel.runner
    wait_until(lambda: runner.at_rest, 60)
    for kind in KINDS:
        exports.buttons[kind].click()
        wait_until(lambda: runner.at_rest, 60)
    endings = sorted(path.suffix for path in tmp_path.iterdir())
    assert endings == [".csv", ".cube", ".html", ".molden", ".png", ".svg"]
    assert "saved water-" in exports.message.value and ".png" in exports.message.value
    every_page_gives_its_pictures(bench, tmp_path)


def every_page_gives_its_pictures(bench, folder):
    runner, exports = bench.panel.runner, bench.exports
    for name, button in (("SCF", "Run SCF"), ("gradients", "Inspect"), ("runs", "choose some")):
        exports.picture.value = name
        exports.save("svg")
        wait_until(lambda said=button: said in exports.message.value, 60)
    bench.stepper.compute()
    bench.gradients.inspect()
    wait_until(lambda: runner.at_rest, 120)
    for name, files in (
        ("SCF", ["scf-convergence", "scf-iteration"]),
        ("gradients", ["gradients"]),
    ):
        before = set(folder.iterdir())
        exports.picture.value = name
        exports.save("png")
        wait_until(lambda: runner.at_rest, 60)
        new = sorted(path.stem.rpartition("-")[2] for path in set(folder.iterdir()) - before)
        assert new == [file.rpartition("-")[2] for file in files]

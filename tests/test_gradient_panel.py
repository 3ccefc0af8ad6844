"""The gradient inspector without a browser, and the networks that it keeps."""

import html
import re
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from tiers import slow
from waiting import wait_until

from qptlab.lab.panels.gradient_controls import NOW, REST, WEIGHT
from qptlab.lab.panels.gradients import GradientPanel, gradient_panel
from qptlab.lab.panels.runner import Runner
from qptlab.lab.panels.snapshots import Snapshots, is_kept
from qptlab.lab.panels.train import train_panel
from qptlab.lab.plots import gradients as plots
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.sampling import TRAIN, wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training

LEVEL, HEAD = "lda/sto-3g", "head.layers[1].weight"


def training(seed=0):
    water = molecule("water")
    config = TrainConfig(n_validation=0, seed=seed, batch=2)
    return Training(BlockQPT.create(water, LEVEL), wiggle(water), config)


# -- snapshots ---------------------------------------------------------------------------------


def test_which_steps_are_kept():
    kept = [step for step in range(1001) if is_kept(step)]
    assert kept == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]


def test_snapshots_stay_within_their_memory():
    kept = Snapshots(most_bytes=4 * 1000 * 3)
    for step in range(101):
        kept.see(SimpleNamespace(step=step, model=SimpleNamespace(n_parameters=1000, step=step)))
    assert list(kept.models) == [20, 50, 100]
    assert kept.models[50].step == 50
    kept.see(None)
    kept.see(SimpleNamespace(step=77, model=SimpleNamespace(n_parameters=1000)), always=True)
    assert 77 in kept.models


# -- the panel ---------------------------------------------------------------------------------


def text(widget):
    return html.unescape(re.sub(r"<[^>]+>", "", widget.value))


def alt(panel):
    found = re.search(r'alt="([^"]*)"', panel.picture.value)
    return html.unescape(found[1]) if found else ""


def inspected(panel):
    panel.inspect_button.click()
    wait_until(lambda: alt(panel) and "done" in text(panel.status), seconds=60)
    return panel


def compared(panel, derivative):
    """The sentence about this derivative; one about another may still be there for a moment."""
    panel.compare_button.click()
    wait_until(lambda: text(panel.comparison).startswith(derivative), seconds=60)
    return text(panel.comparison)


@pytest.fixture(scope="module")
def panel():
    return inspected(gradient_panel(training()))


def test_inspect_draws_the_chain_in_the_background(panel):
    assert "base64" in panel.picture.value
    assert "H2O, training geometry 0, lda/sto-3g, network after step 0" in alt(panel)
    assert panel.controls.step.options == (("0", 0), ("now", -1))


def test_the_largest_element_is_chosen_and_compared_in_one_click(panel):
    chain = panel._inspected[2]
    assert panel.controls.mark == ("delta_fock", *plots.largest(chain.d_delta_fock))
    sentence = compared(panel, "∂E/∂ΔF")
    assert re.search(r"∂E/∂ΔF\[\d, \d\] = .* they agree to \d+ digits", sentence), sentence
    assert "qptlab-dot on" in panel.comparison.value


def test_another_derivative_turns_to_its_own_largest_element(panel):
    chain = panel._inspected[2]
    compared(panel, "∂E/∂ΔF")
    panel.controls.derivative.value = WEIGHT
    place = plots.largest(chain.slope(".head.layers[1].weight"))
    wait_until(lambda: panel.controls.mark == (WEIGHT, *place))
    assert panel.controls.weight.value == HEAD, "the matrix with the largest gradient"
    wait_until(lambda: "by backpropagation" not in text(panel.comparison))
    compared(panel, "∂E/∂θ head.layers[1].weight[")
    panel.controls.weight.value = "head.layers[1].bias"
    wait_until(lambda: panel.controls.row.max == 0 and panel.controls.column.max == 11)
    compared(panel, "∂E/∂θ head.layers[1].bias[")
    panel.controls.derivative.value = "dm"
    wait_until(lambda: panel.controls.mark == ("dm", *plots.largest(chain.d_dm)))
    compared(panel, "∂E/∂D[0, 0]")


def test_another_element_can_be_typed(panel):
    panel.controls.derivative.value = "fock"
    place = plots.largest(panel._inspected[2].d_fock)
    wait_until(lambda: panel.controls.mark == ("fock", *place))
    panel.controls.row.value, panel.controls.column.value = 6, 1
    compared(panel, "∂E/∂F[6, 1]")
    panel.controls.column.value = 99
    assert panel.controls.column.value == 6


def test_other_geometries_follow_at_once(panel):
    panel.controls.number.value = 3
    wait_until(lambda: "training geometry 3" in alt(panel), seconds=30)
    panel.controls.split.value = "validation"
    wait_until(lambda: "validation geometry 3" in alt(panel), seconds=30)
    panel.controls.split.value = REST
    wait_until(lambda: "H2O, not displaced" in alt(panel), seconds=30)
    assert panel.controls.number.disabled
    panel.controls.split.value = TRAIN
    wait_until(lambda: "training geometry 3" in alt(panel), seconds=30)


@slow
def test_networks_of_steps_gone_by_can_be_inspected():
    run = training(seed=1)
    panel = gradient_panel(run)
    assert gradient_panel(run) is panel and panel.runner is train_panel(run).runner
    train_panel(run).start()
    wait_until(lambda: len(run.history) >= 12, seconds=90)
    inspected(panel)  # between two steps
    panel.runner.stop()
    wait_until(lambda: panel.runner.state == "stopped")
    wait_until(lambda: [step for _, step in panel.controls.step.options][:5] == [0, 1, 2, 5, 10])
    assert panel.controls.step.value == NOW, "new steps on offer do not move the choice"
    panel.controls.step.value = 5
    wait_until(lambda: "network after step 5" in alt(panel), seconds=30)
    assert np.abs(panel._inspected[2].delta_fock).max() > 0
    panel.controls.step.value = 0
    wait_until(lambda: "network after step 0" in alt(panel), seconds=30)
    assert np.all(panel._inspected[2].delta_fock == 0)
    assert panel.controls.step.value == 0


def test_without_a_run_there_is_nothing_to_press_and_a_run_may_come_later():
    panel = GradientPanel()
    assert panel.inspect_button.disabled and "no training yet" in text(panel.status)
    panel.inspect()
    threading.Thread(target=panel.show, args=(training(),)).start()
    wait_until(lambda: not panel.inspect_button.disabled)
    assert "press Inspect" in text(panel.status)
    assert "computed twice" in text(panel.comparison)
    compared(panel, "∂E/∂ΔF")  # what is needed first is computed first
    panel.show(None)
    wait_until(lambda: panel.inspect_button.disabled and not alt(panel))


def test_it_follows_a_runner_from_run_to_run():
    runner = Runner()
    panel = GradientPanel(runner=runner)
    runs = []

    def source():
        runs.append(SimpleNamespace(history=[]))
        return (SimpleNamespace(step=i) for i in range(3)) if len(runs) == 1 else Toy()

    class Toy:
        def __iter__(self):
            while True:
                time.sleep(0.01)
                yield SimpleNamespace(step=1)

    runner.start(source)
    wait_until(lambda: runner.state == "finished")
    runner.start(source)
    wait_until(lambda: panel._run is runner.run and isinstance(runner.run, Toy))
    wait_until(lambda: not panel.inspect_button.disabled)
    panel.inspect()
    wait_until(lambda: "has no attribute" in text(panel.status))
    assert runner.job_message == "" and runner.state == "running", "the training goes on"
    runner.stop()


def test_a_failure_is_one_sentence(monkeypatch):
    run = training(seed=2)
    panel = gradient_panel(run)

    def refuse(*_):
        raise ValueError("the gap closed\nand more")

    monkeypatch.setattr("qptlab.lab.panels.gradients.gradient_chain", refuse)
    panel.inspect_button.click()
    wait_until(lambda: text(panel.status) == "the gap closed", seconds=30)
    assert "error" in panel.status.value
    monkeypatch.undo()
    inspected(panel)

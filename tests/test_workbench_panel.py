"""The workbench without a browser: choices, wrong input, and when the orbitals are drawn."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from toy_workbench import (
    Toy,
    elements,
    end,
    press,
    started,
    status,
    stopped_after_a_few_steps,
    workbench,
)
from waiting import wait_until

import qptlab.reference
from qptlab.dft import overlap_matrix
from qptlab.lab import workbench as module
from qptlab.lab.panels.orbitals import OrbitalPanel
from qptlab.library import molecule
from qptlab.theory import parse_theory


def scf(words, converged=True):
    """As much of PySCF's result as the workbench reads."""
    return SimpleNamespace(words=words, converged=converged)


@pytest.fixture
def shown(monkeypatch):
    """What the orbital panel was given to show; PySCF is not run."""
    calls = []
    monkeypatch.setattr(
        OrbitalPanel,
        "show",
        lambda self, result, reference=None: calls.append((result, reference and reference.words)),
    )
    monkeypatch.setattr(
        qptlab.reference, "pyscf_scf", lambda molecule, spec: scf(f"{molecule.formula} {spec}")
    )
    return calls


ALONE, COMPARED = ("prediction for H2O", None), ("prediction for H2O", "H2O b3lyp5/def2-svp")


def test_orbitals_are_drawn_on_pause_on_request_and_on_stop(shown):
    bench = workbench()
    feed, choices = bench.orbitals, bench.choices
    assert feed.draw.disabled
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and len(bench.run.history) > 3)
    assert choices.molecule.library.disabled and choices.basis.disabled and not feed.draw.disabled
    assert shown == []
    press(bench, "Pause")
    wait_until(lambda: len(shown) == 2)
    assert shown == [ALONE, COMPARED]
    feed.draw.click()
    wait_until(lambda: len(shown) == 3)
    assert choices.molecule.library.disabled, "a paused training still belongs to its molecule"
    press(bench, "Stop")
    wait_until(lambda: len(shown) == 4)
    assert shown == [ALONE, COMPARED, COMPARED, COMPARED]
    assert not choices.molecule.library.disabled
    assert "water after step" in feed.caption.value


def test_orbitals_are_redrawn_while_it_trains_without_a_word(shown):
    bench = started(live=True)
    sentences = set()

    def three_drawn():
        sentences.add(status(bench))
        return len(shown) >= 3

    wait_until(three_drawn)
    assert shown == [ALONE] * 3, "PySCF is not asked while it trains"
    assert {sentence for sentence in sentences if "drawing" in sentence} == set()
    assert bench.panel.runner.state == "running"
    end(bench)


def test_keys_do_what_buttons_do(shown):
    bench = workbench()
    bench.shortcuts.press("s")
    wait_until(lambda: bench.run is not None and not bench.panel.buttons["Pause"].disabled)
    wait_until(lambda: bench.panel.runner.state == "running")
    bench.shortcuts.press("p")
    wait_until(lambda: bench.panel.runner.state == "paused" and len(shown) == 2)
    wait_until(lambda: not bench.panel.buttons["Resume"].disabled)
    bench.shortcuts.press("d")
    wait_until(lambda: len(shown) == 3)
    bench.shortcuts.press("p")
    wait_until(lambda: bench.panel.runner.state == "running")
    wait_until(lambda: not bench.panel.buttons["Stop"].disabled)
    bench.shortcuts.press("s")
    wait_until(lambda: bench.panel.runner.state == "stopped")
    end(bench)
    bench.shortcuts.press("4")
    assert bench.tabs.children[bench.tabs.selected_index] is bench.runs
    bench.shortcuts.press("x")


def test_the_reference_is_computed_once(shown, monkeypatch):
    count = []
    monkeypatch.setattr(qptlab.reference, "pyscf_scf", lambda *_: count.append(1) or scf("scf"))
    bench = started()
    bench.orbitals.draw.click()
    wait_until(lambda: bench.orbitals._references)
    bench.orbitals.draw.click()
    wait_until(lambda: len(shown) == 3)
    end(bench)
    assert len(count) == 1


def test_a_validation_geometry_can_be_looked_at(shown, monkeypatch):
    asked = []
    monkeypatch.setattr(
        qptlab.reference, "pyscf_scf", lambda geometry, _: asked.append(geometry) or scf("scf")
    )
    bench = stopped_after_a_few_steps()
    wait_until(lambda: len(asked) == 1)
    options = bench.orbitals.geometry.options
    assert [name for name, _ in options] == ["as chosen", *(f"validation {i}" for i in range(1, 9))]
    bench.orbitals.geometry.value = 2
    wait_until(lambda: len(asked) == 2)
    assert asked == [molecule("water"), bench.run.validation_geometry(2)]


def test_choices_reach_the_training_and_wrong_ones_are_one_sentence(shown):
    chosen = []

    def build(setup, folder, say):
        chosen.append((setup.name, str(setup.theory), setup.loss, setup.minutes))
        if setup.theory.basis == "def3-svp":
            raise ValueError("unknown basis 'def3-svp'\nand a list of all others")
        return Toy(setup)

    bench = workbench(build)
    choices = bench.choices
    choices.molecule.library.value = "ammonia"
    choices.functional.value, choices.basis.value = "lda", " def3-svp"
    press(bench, "Start")
    wait_until(lambda: status(bench) == "unknown basis 'def3-svp'")
    assert not choices.basis.disabled
    choices.basis.value, choices.loss.value, choices.minutes.value = "STO-3G", "delta2", None
    press(bench, "Start")
    wait_until(lambda: status(bench) == "training")
    assert chosen == [
        ("ammonia", "lda/def3-svp", "energy", 5.0),
        ("ammonia", "lda/sto-3g", "delta2", None),
    ]
    assert bench.run.lr == pytest.approx(bench.panel.learning_rate.value)
    end(bench)


def test_another_molecule_comes_into_the_same_view():
    bench = workbench()
    before = bench.orbitals.panel
    assert elements(bench) == ["O", "H", "H"]
    bench.choices.molecule.library.value = "ammonia"
    assert bench.orbitals.panel is before
    assert elements(bench).count("H") == 3
    assert before.view.title == "ammonia, H3N"


def test_a_late_drawing_of_another_molecule_is_dropped(shown, monkeypatch):
    asked, answer = threading.Event(), threading.Event()

    def slow_scf(molecule, spec):
        asked.set()
        answer.wait(5)
        return scf(f"{molecule.formula} {spec}")

    monkeypatch.setattr(qptlab.reference, "pyscf_scf", slow_scf)
    bench = stopped_after_a_few_steps()
    feed, library = bench.orbitals, bench.choices.molecule.library
    assert asked.wait(5)
    library.value = "ammonia"
    answer.set()
    wait_until(lambda: (molecule("water"), parse_theory("b3lyp5/def2-svp")) in feed._references)
    assert shown == [ALONE]
    assert elements(bench).count("H") == 3 and feed.panel.view.title == "ammonia, H3N"
    assert "water" not in feed.caption.value
    assert feed.draw.disabled, "the network knows water alone"
    library.value = "water"
    wait_until(lambda: not feed.draw.disabled)
    feed.draw.click()
    wait_until(lambda: shown[1:] == [COMPARED])


class Orbitals(Toy):
    """A training that predicts orbitals that can be drawn."""

    def predict(self, molecule, refine=0):
        spec = parse_theory("pbe/sto-3g")
        n_ao = len(overlap_matrix(molecule, spec))
        return SimpleNamespace(
            molecule=molecule, theory=spec, mo_coeff=np.eye(n_ao), mo_energy=np.arange(n_ao) - 5.0,
            n_occ=5,
        )  # fmt: skip


def fails(molecule, spec):
    raise ValueError("PySCF has no such basis")


def does_not_converge(molecule, spec):
    prediction = Orbitals(None).predict(molecule)
    return SimpleNamespace(**vars(prediction), converged=False)


@pytest.mark.parametrize(
    ("judge", "in_caption", "in_status"),
    [
        (does_not_converge, "; PySCF did not converge", "stopped"),
        (fails, "", "PySCF has no such basis"),
    ],
)
def test_without_a_reference_the_prediction_can_be_looked_at(
    monkeypatch, judge, in_caption, in_status
):
    monkeypatch.setattr(qptlab.reference, "pyscf_scf", judge)
    bench = stopped_after_a_few_steps(Orbitals)
    caption = bench.orbitals.caption
    wait_until(lambda: in_caption in caption.value and in_status in status(bench))
    assert "water after step" in caption.value
    panel = bench.orbitals.panel
    assert panel.mode.disabled and panel.mode.value == "predicted"
    assert not panel.orbital.disabled and panel.view.title.startswith("HOMO · −")
    field = panel.view.field
    panel.select("lumo")
    assert panel.view.field != field


def test_running_the_cell_again_shows_the_same_training(monkeypatch):
    monkeypatch.setattr(module, "Workbench", lambda: workbench(Toy))
    module.workbench.cache_clear()
    first = module.workbench()
    first.panel.start()
    wait_until(lambda: first.run is not None and first.run.history)
    assert module.workbench() is first
    assert first.panel.runner.state == "running"
    end(first)
    module.workbench.cache_clear()

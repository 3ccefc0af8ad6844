"""The workbench without a browser: choices, wrong input, and when the orbitals are drawn."""

import html
import re
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from waiting import wait_until

import qptlab.reference
from qptlab.dft import overlap_matrix
from qptlab.lab import workbench as module
from qptlab.lab.orbital_panel import OrbitalPanel
from qptlab.lab.workbench import Workbench
from qptlab.theory import theory


class Toy:
    """A training in miniature that predicts its own name."""

    def __init__(self, name, spec):
        theory(spec)
        self.name, self.lr, self.status, self.history, self.baselines_ha = name, 1e-3, "", [], None

    def __iter__(self):
        self.status = "training"
        while True:
            time.sleep(0.002)
            step = len(self.history) + 1
            self.history.append(
                SimpleNamespace(step=step, loss=-0.1, lr=self.lr, samples=step, val_error_ha=None)
            )
            yield self.history[-1]

    def predict(self, molecule, refine=0):
        return f"prediction for {molecule.formula}"


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


def status(bench):
    return html.unescape(re.sub(r"<[^>]+>", "", bench.panel.status.value))


def press(bench, text):
    wait_until(lambda: not bench.panel.buttons[text].disabled)
    bench.panel.buttons[text].click()


def elements(bench):
    return [atom["elem"] for atom in bench.orbitals.view.atoms]


def stopped_after_a_few_steps(build=Toy):
    bench = Workbench(build)
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and len(bench.run.history) > 3)
    press(bench, "Stop")
    return bench


def test_orbitals_are_drawn_on_pause_on_request_and_on_stop(shown):
    bench = Workbench(Toy)
    assert bench.draw.disabled
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and len(bench.run.history) > 3)
    assert bench.molecule.disabled and bench.basis.disabled and not bench.draw.disabled
    assert shown == []
    press(bench, "Pause")
    alone, compared = ("prediction for H2O", None), ("prediction for H2O", "H2O pbe/def2-svp")
    wait_until(lambda: len(shown) == 2)
    assert shown == [alone, compared]
    bench.draw.click()
    wait_until(lambda: len(shown) == 3)
    assert bench.molecule.disabled, "a paused training still belongs to its molecule"
    press(bench, "Stop")
    wait_until(lambda: len(shown) == 4)
    assert shown == [alone, compared, compared, compared]
    assert not bench.molecule.disabled
    assert "water after step" in bench.caption.value


def test_the_reference_is_computed_once(shown, monkeypatch):
    count = []
    monkeypatch.setattr(qptlab.reference, "pyscf_scf", lambda *_: count.append(1) or scf("scf"))
    bench = Workbench(Toy)
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and bench.run.history)
    for drawn in (2, 3):
        bench.draw.click()
        wait_until(lambda drawn=drawn: len(shown) == drawn)
    bench.panel.runner.stop()
    assert len(count) == 1


def test_choices_reach_the_training_and_wrong_ones_are_one_sentence(shown):
    chosen = []

    def build(name, spec):
        chosen.append((name, spec))
        if "def3" in spec:
            raise ValueError("unknown basis 'def3-svp'\nand a list of all others")
        return Toy(name, spec)

    bench = Workbench(build)
    bench.molecule.value, bench.functional.value, bench.basis.value = "ammonia", "lda", " def3-svp"
    press(bench, "Start")
    wait_until(lambda: status(bench) == "unknown basis 'def3-svp'")
    assert not bench.basis.disabled
    bench.basis.value = "STO-3G"
    press(bench, "Start")
    wait_until(lambda: status(bench) == "training")
    assert chosen == [("ammonia", "lda/def3-svp"), ("ammonia", "lda/STO-3G")]
    assert bench.run.lr == bench.panel.learning_rate.value
    bench.panel.runner.stop()


def test_another_molecule_comes_into_the_same_view():
    bench = Workbench(Toy)
    before = bench.orbitals
    assert elements(bench) == ["O", "H", "H"]
    bench.molecule.value = "ammonia"
    assert bench.orbitals is before
    assert elements(bench).count("H") == 3
    assert bench.orbitals.view.title == "ammonia, H3N"


def test_a_late_drawing_of_another_molecule_is_dropped(shown, monkeypatch):
    asked, answer = threading.Event(), threading.Event()

    def slow_scf(molecule, spec):
        asked.set()
        answer.wait(5)
        return scf(f"{molecule.formula} {spec}")

    monkeypatch.setattr(qptlab.reference, "pyscf_scf", slow_scf)
    bench = stopped_after_a_few_steps()
    assert asked.wait(5)
    bench.molecule.value = "ammonia"
    answer.set()
    wait_until(lambda: ("water", theory("pbe/def2-svp")) in bench._references)
    assert shown == [("prediction for H2O", None)]
    assert elements(bench).count("H") == 3 and bench.orbitals.view.title == "ammonia, H3N"
    assert "water" not in bench.caption.value
    assert bench.draw.disabled, "the network knows water alone"
    bench.molecule.value = "water"
    wait_until(lambda: not bench.draw.disabled)
    bench.draw.click()
    wait_until(lambda: shown[1:] == [("prediction for H2O", "H2O pbe/def2-svp")])


class Orbitals(Toy):
    """A training that predicts orbitals that can be drawn."""

    def predict(self, molecule, refine=0):
        spec = theory("pbe/sto-3g")
        n_ao = len(overlap_matrix(molecule, spec))
        return SimpleNamespace(
            molecule=molecule, theory=spec, mo_coeff=np.eye(n_ao), mo_energy=np.arange(n_ao) - 5.0,
            n_occ=5,
        )  # fmt: skip


def fails(molecule, spec):
    raise ValueError("PySCF has no such basis")


def does_not_converge(molecule, spec):
    return SimpleNamespace(
        **vars(Orbitals("water", "pbe/sto-3g").predict(molecule)), converged=False
    )


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
    wait_until(lambda: in_caption in bench.caption.value and in_status in status(bench))
    assert "water after step" in bench.caption.value
    panel = bench.orbitals
    assert panel.mode.disabled and panel.mode.value == "predicted"
    assert not panel.orbital.disabled and panel.view.title.startswith("HOMO · −")
    field = panel.view.field
    panel.select("lumo")
    assert panel.view.field != field


def test_running_the_cell_again_stops_the_training_before(monkeypatch):
    monkeypatch.setattr(module, "Workbench", lambda: Workbench(Toy))
    first = module.workbench()
    first.panel.start()
    wait_until(lambda: first.run is not None and first.run.history)
    second = module.workbench()
    assert second is not first
    wait_until(lambda: first.panel.runner.state == "stopped")

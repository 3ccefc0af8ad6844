"""What a panel that is open all day costs: memory stays flat over hundreds of redraws."""

import resource
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tiers import slow

from qptlab.dft import overlap_matrix
from qptlab.lab.panels.orbitals import OrbitalPanel
from qptlab.lab.plots.live_plot import LivePlot
from qptlab.lab.plots.training import training_figure
from qptlab.library import molecule
from qptlab.theory import parse_theory

LARGEST_GROWTH = 8e6


def peak_bytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024.0 * peak


@pytest.fixture(scope="module")
def result():
    water, spec = molecule("water"), parse_theory("pbe/def2-svp")
    values, vectors = np.linalg.eigh(overlap_matrix(water, spec))
    return SimpleNamespace(
        molecule=water, theory=spec, mo_coeff=vectors / np.sqrt(values),
        mo_energy=np.arange(len(values)) - 5.0, n_occ=5,
    )  # fmt: skip


def growth(redraw) -> float:
    """Bytes that the process's peak rises by over 200 redraws, once it has warmed up."""
    for turn in range(40):
        redraw(turn)
    before = peak_bytes()
    for turn in range(200):
        redraw(turn)
    return peak_bytes() - before


def test_orbitals_of_new_predictions_leave_nothing_behind(result):
    panel = OrbitalPanel()

    def redraw(turn):
        panel.show(SimpleNamespace(**vars(result)), reference=result)
        panel.select(turn % 12)

    assert growth(redraw) < LARGEST_GROWTH


@slow
def test_the_live_plot_leaves_nothing_behind():
    plot, history = LivePlot(training_figure), []

    def redraw(turn):
        step = len(history) + 1
        history.append(SimpleNamespace(step=step, loss=-1e-3, val_error_ha={0: 1e-4, 3: 1e-8}))
        plot.update(history, None, version=step, force=True)

    assert growth(redraw) < LARGEST_GROWTH

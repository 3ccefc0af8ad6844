"""The live plot: what it draws, on which scales, and how often it lets itself be drawn."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from qptlab.lab.plots.axes import energy_text, spread
from qptlab.lab.plots.live_plot import LivePlot, Throttle
from qptlab.lab.plots.training import MAX_POINTS, training_figure
from qptlab.units import CHEMICAL_ACCURACY

DIIS = {"plain": {0: 0.13, 3: 0.2}, "diis": {0: 0.12, 1: 0.4, 3: 8.7e-4}}


@dataclass(frozen=True)
class Log:
    """The part of a StepLog that a picture is made of."""

    step: int
    loss: float
    val_error_ha: dict | None = None


def history(n, every=10):
    errors = {0: 1e-3, 1: 5e-4, 3: 2e-6}
    return [
        Log(
            i,
            -0.1 * (1 - np.exp(-i / 50)),
            {k: e / i for k, e in errors.items()} if i % every == 0 else None,
        )
        for i in range(1, n + 1)
    ]


def lines(axes):
    """Lines with as many points as a history has, that is, not the horizontal ones."""
    return [line for line in axes.lines if len(line.get_xdata()) > 2]


def test_errors_that_are_no_numbers_are_left_out():
    logs = [*history(20), Log(21, float("nan"), {0: float("nan"), 3: float("inf")})]
    baselines = {"diis": {0: float("nan"), 3: 8.7e-4}}
    _, error = training_figure(logs, baselines).axes
    assert texts(error).count("DIIS, equal builds") == 1
    assert np.isfinite(error.get_ylim()).all()


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_scales_and_units():
    loss, error = training_figure(history(100), DIIS).axes
    assert loss.get_yscale() == "linear" and error.get_yscale() == "log"
    assert "mHa" in loss.get_title(loc="left")
    assert "PySCF" in error.get_title(loc="left")
    assert error.get_xlabel() == "training step"
    labels = [label.get_text() for label in error.get_yticklabels()]
    assert "1 mHa" in labels and "100 mHa" in labels


def test_loss_is_in_millihartree_and_below_the_untrained_network():
    loss, _ = training_figure(history(100), DIIS).axes
    raw, mean = lines(loss)
    assert raw.get_ydata()[-1] == pytest.approx(-100 * (1 - np.exp(-2)))
    assert len(mean.get_ydata()) == 100
    assert "without the network" in texts(loss)


def test_one_error_curve_for_each_number_of_refining_iterations():
    _, error = training_figure(history(100), DIIS, refining=(0, 3)).axes
    curves = lines(error)
    assert len(curves) == 2
    assert curves[0].get_xdata().tolist() == list(range(10, 101, 10))
    assert curves[0].get_ydata()[-1] == pytest.approx(10.0)  # µHa
    assert curves[1].get_ydata()[-1] == pytest.approx(0.02)
    assert {"no refining", "3 refining"} <= set(texts(error))
    assert len(lines(training_figure(history(100), DIIS, refining=(0, 1, 3)).axes[1])) == 3


def test_reference_lines_are_labelled_directly():
    _, error = training_figure(history(100), DIIS).axes
    levels = {
        round(float(line.get_ydata()[0]), 6) for line in error.lines if len(line.get_xdata()) == 2
    }
    assert levels == {round(CHEMICAL_ACCURACY * 1e6, 6), 120_000.0, 870.0}
    assert sum("DIIS" in text for text in texts(error)) == 2
    assert any("1 kcal/mol" in text for text in texts(error))
    assert error.get_legend() is None
    colours = {text.get_text(): text.get_color() for text in error.texts}
    assert colours["3 refining"] != colours["no refining"]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_short_histories(n):
    loss, error = training_figure(history(n, every=1), None).axes
    assert error.get_yscale() == "log"
    assert not any("DIIS" in text for text in texts(error))
    assert loss.get_xlim()[1] > 0


def test_odd_values_are_drawn_around():
    logs = [
        Log(1, float("nan"), {0: float("nan"), 3: 0.0}),
        Log(2, -0.1, {0: 1e-3, 3: 1e-9}),
        Log(3, -0.1, {0: float("inf")}),
    ]
    _, error = training_figure(logs, {"diis": {0: 0.0, 3: None}}).axes
    assert np.isfinite(error.get_ylim()).all()
    assert {"no refining", "3 refining"} <= set(texts(error))


def test_a_long_history_is_thinned_but_keeps_its_extremes():
    logs = history(20_000, every=1)
    logs[7777] = Log(7778, 0.5)
    loss, error = training_figure(logs, DIIS).axes
    raw, _ = lines(loss)
    assert len(raw.get_ydata()) <= MAX_POINTS + 2
    assert raw.get_ydata().max() == pytest.approx(500)
    assert loss.get_ylim()[1] < 100, "one wild batch must not flatten the rest"
    assert all(len(curve.get_xdata()) <= MAX_POINTS + 2 for curve in lines(error))


def test_drawing_into_the_same_figure_leaves_nothing_old():
    figure = training_figure(history(100), DIIS)
    again = training_figure(history(20), None, figure=figure)
    fresh = training_figure(history(20), None)
    assert again is figure
    for old, new in zip(again.axes, fresh.axes, strict=True):
        assert texts(old) == texts(new)
        assert old.get_ylim() == new.get_ylim() and old.get_xlim() == new.get_xlim()
        assert len(old.lines) == len(new.lines)


def test_labels_do_not_overlap():
    places, heights = [0.1, 0.11, 0.12, 0.9], [0.1, 0.2, 0.1, 0.1]
    result = spread(places, heights)
    gaps = np.diff(result) - (np.array(heights[1:]) + heights[:-1]) / 2
    assert (gaps > -1e-12).all()
    assert result[3] == 0.9
    assert np.mean([result[0], result[2]]) == pytest.approx(0.11)
    assert spread([], []) == []


@pytest.mark.parametrize(
    ("energy", "text"),
    [
        (1e-3, "1 mHa"),
        (0.1, "100 mHa"),
        (1.0, "1 Ha"),
        (3.2e-6, "3.2 µHa"),
        (4e-8, "40 nHa"),
        (8.7e-4, "870 µHa"),
    ],
)
def test_energy_text(energy, text):
    assert energy_text(energy) == text


class Clock:
    """A clock that only moves when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def take(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(("cost", "wait"), [(0.004, 0.2), (0.02, 0.8), (0.5, 3.0)])
def test_throttle_counts_from_the_end_of_a_draw(cost, wait):
    clock = Clock()
    throttle = Throttle(clock, cpu=clock)
    assert throttle.ready()
    throttle.run(lambda: clock.take(cost))
    assert throttle.cost == pytest.approx(cost)
    clock.take(wait * 0.99)
    assert not throttle.ready()
    clock.take(wait * 0.02)
    assert throttle.ready()


def test_live_plot_changes_its_image_only_for_something_new():
    plot = LivePlot(training_figure)
    assert plot.update(history(5), None, version=5)
    first = bytes(plot.image.value)
    assert first.startswith(b"\x89PNG")
    assert not plot.update(history(6), None, version=6), "too early"
    assert plot.update(history(6), None, version=6, force=True)
    assert bytes(plot.image.value) != first
    assert not plot.update(history(6), None, version=6, force=True), "nothing new"
    assert plot.draws == 2
    assert "aspect-ratio: 720 / 420" in plot.children[0].value, (
        "its place is kept before it is drawn"
    )


def test_a_draw_is_quick():
    plot, logs = LivePlot(training_figure), history(5000)
    times = []
    for n in range(4000, 4005):
        begin = time.process_time()
        plot.update(logs[:n], DIIS, version=n, force=True)
        times.append(time.process_time() - begin)
    assert min(times) < 0.25, "about 0.06 s on a quiet machine"

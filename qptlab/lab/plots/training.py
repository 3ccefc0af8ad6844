"""Pictures of trainings: pure functions from histories to a matplotlib Figure (never pyplot)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qptlab.lab.plots.axes import (
    FAINT,
    GREY,
    INK,
    LABEL_SIZE,
    energy_axis,
    energy_text,
    label_ends,
    style_axes,
    title_axes,
)
from qptlab.lab.plots.pixels import blank
from qptlab.qpt.training.config import StepLog
from qptlab.units import CHEMICAL_ACCURACY, MICROHARTREE_PER_HARTREE, MILLIHARTREE_PER_HARTREE

SIZE_PX, RUNS_SIZE_PX = (720, 420), (700, 300)
REFINING_SHOWN = (0, 3)
MAX_POINTS = 300  # more cannot be told apart in half a picture

# Okabe and Ito's colours, distinguishable with any common colour blindness
COLOURS = {0: "#0072B2", 1: "#CC79A7", 2: "#009E73", 3: "#D55E00"}
LOSS = "#0072B2"


def training_figure(
    history: Sequence[StepLog],
    baselines_ha: Mapping[str, Mapping[int, float]] | None = None,
    refining: Sequence[int] = REFINING_SHOWN,
    figure: Figure | None = None,
) -> Figure:
    """Draw a training: the loss above, the energy error against PySCF below.

    `history`: StepLogs (`step`, `loss` in Ha, `val_error_ha` by number of refining iterations).
    `baselines_ha`: `{"diis": {refining: error}}` in Ha, or None while not known.
    `refining`: which numbers of refining iterations get a curve.
    `figure`: one that this function returned before, to draw into again (twice as fast).
    """
    figure = _blank_training() if figure is None else figure
    above, below = figure.axes
    for axes in figure.axes:
        for artist in (*axes.lines, *axes.texts):
            artist.remove()
    below.set_xlim(0, max(10, history[-1].step if history else 0))
    _draw_loss(above, history)
    _draw_errors(below, history, (baselines_ha or {}).get("diis", {}), refining)
    return figure


def overlay_figure(
    runs: Sequence[tuple[str, str, Sequence[StepLog]]], figure: Figure | None = None
) -> Figure:
    """Energy errors against the seconds of training, one colour for each run.

    Args:
        runs: (name, colour, history). Without refining solid, with the most refining dashed.
        figure: ignored; every overlay is a new figure.
    """
    figure = blank(RUNS_SIZE_PX)
    axes = figure.add_axes((0.125, 0.17, 0.66, 0.7), yscale="log")
    labels, most = [], 0
    for _, colour, history in runs:
        last = max((max(log.val_error_ha) for log in history if log.val_error_ha), default=0)
        for count, style in ((0, "-"), (last, (0, (4, 2)))):
            # below a picohartree it is rounding
            points = [
                (log.seconds, max(log.val_error_ha[count], 1e-12))
                for log in history
                if log.val_error_ha and np.isfinite(log.val_error_ha.get(count, np.nan))
            ]
            if points:
                seconds, errors = zip(*points, strict=True)
                axes.plot(seconds, errors, color=colour, linestyle=style, linewidth=2)
                labels.append((errors[-1], energy_text(errors[-1]), colour))
                most = max(most, last)
    title_axes(axes, f"Energy error against PySCF: no refining solid, {most or 3} refining dashed")
    axes.set_xlabel("seconds of training", fontsize=LABEL_SIZE, color=INK)
    energy_axis(axes, 7)
    style_axes(axes)
    if not labels:
        axes.set(xlim=(0, 10), ylim=(1e-6, 1e-2))
        axes.text(0.5, 0.5, "no validated run is chosen", transform=axes.transAxes, ha="center",
                  fontsize=LABEL_SIZE, color=FAINT)  # fmt: skip
        return figure
    axes.set_xlim(left=0)
    label_ends(axes, labels)
    return figure


def _blank_training() -> Figure:
    """Two empty axes with everything that stays the same from draw to draw."""
    figure = blank(SIZE_PX)
    above = figure.add_axes((0.117, 0.66, 0.65, 0.26))
    below = figure.add_axes((0.117, 0.118, 0.65, 0.4), sharex=above, yscale="log")
    energy_axis(below, 9, unit_ha=1 / MICROHARTREE_PER_HARTREE)
    titles = "Training loss: energy (mHa)", "Energy error against PySCF"
    for axes, title in zip((above, below), titles, strict=True):
        # placed by hand, because finding room for titles and labels costs half the drawing time
        title_axes(axes, title, y=1.05, fontsize=LABEL_SIZE + 1)
        axes.xaxis.set_label_coords(0.5, -0.155)
        axes.yaxis.set_label_coords(-0.2, 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        style_axes(axes)
    above.tick_params(labelbottom=False)
    above.yaxis.set_major_locator(MaxNLocator(4))
    below.set_xlabel("training step", fontsize=LABEL_SIZE, color=INK)
    return figure


def _draw_loss(axes: Axes, history: Sequence[StepLog]) -> None:
    """The loss in mHa against the step: every batch faint, their running mean on top."""
    axes.axhline(0, color=FAINT, linewidth=1)
    labels = [(0.0, "without the network", GREY)]
    steps = np.array([log.step for log in history], dtype=float)
    loss = np.array([log.loss for log in history], dtype=float) * MILLIHARTREE_PER_HARTREE
    kept = np.isfinite(loss)
    steps, loss = steps[kept], loss[kept]
    if len(steps) == 0:
        axes.set_ylim(-1, 0.1)
        return label_ends(axes, labels)
    mean = _running_mean(loss, window=max(1, len(loss) // 40))
    for values, style in ((loss, {"linewidth": 0.8, "alpha": 0.3}), (mean, {"linewidth": 2.4})):
        marker = "o" if len(values) == 1 else None
        axes.plot(*_thinned(steps, values), color=LOSS, marker=marker, **style)
    # the rare wild batch must not squeeze everything else into a line
    low, high = np.percentile(loss, [1, 99]) if len(loss) > 20 else (loss.min(), loss.max())
    low, high = min(low, mean.min(), 0.0), max(high, 0.0)
    pad = 0.06 * max(high - low, 1e-3)
    axes.set_ylim(low - pad, high + pad)
    label_ends(axes, [*labels, (mean[-1], f"{mean[-1]:.4g} mHa".replace("-", "−"), LOSS)])


def _draw_errors(
    axes: Axes, history: Sequence[StepLog], diis: Mapping[int, float], refining: Sequence[int]
) -> None:
    """The validation error in µHa on a log axis, with DIIS at as many Fock builds beside it."""
    accuracy = CHEMICAL_ACCURACY * MICROHARTREE_PER_HARTREE
    axes.axhline(accuracy, color=FAINT, linewidth=1.2)
    labels = [(accuracy, "chemical accuracy\n(1 kcal/mol)", GREY)]
    seen = [accuracy, 10.0]
    for count in refining:
        colour = COLOURS.get(count, INK)
        name = f"{count} refining" if count else "no refining"
        if np.isfinite(diis.get(count) or np.nan):
            level = _floored(diis[count])
            axes.axhline(level, color=colour, linewidth=1.6, linestyle=(0, (4, 3)))
            labels.append((level, "DIIS, equal builds", colour))
            seen.append(level)
        steps, errors = _validation(history, count)
        if len(steps):
            axes.plot(
                *_thinned(steps, errors), color=colour, linewidth=2.6, marker="o", markersize=4
            )
            labels.append((errors[-1], name, colour))
            seen += [errors.min(), errors.max()]
    low, high = np.log10([min(seen), max(seen)])
    axes.set_ylim(10 ** np.floor(low - 0.05), 10 ** np.ceil(high + 0.05))
    label_ends(axes, labels)


def _validation(history: Sequence[StepLog], count: int) -> np.ndarray:
    """Steps and errors (µHa) of the validations with `count` refining iterations."""
    points = [
        (log.step, _floored(log.val_error_ha[count]))
        for log in history
        if log.val_error_ha and np.isfinite(log.val_error_ha.get(count, np.nan))
    ]
    return np.array(points, dtype=float).reshape(-1, 2).T


def _floored(error_ha: float) -> float:
    """An error in µHa that a log axis can show: below a picohartree it is rounding anyway."""
    return max(float(error_ha) * MICROHARTREE_PER_HARTREE, 1e-6)


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean over the last `window` values (fewer at the beginning)."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(0, end - window)
    return (total[end] - total[begin]) / (end - begin)


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each of MAX_POINTS / 2 stretches: looks the same."""
    if len(values) <= MAX_POINTS:
        return steps, values
    edges = np.linspace(0, len(values), MAX_POINTS // 2 + 1).astype(int)
    kept = {0, len(values) - 1}
    for begin, end in pairwise(edges):
        kept |= {begin + int(values[begin:end].argmin()), begin + int(values[begin:end].argmax())}
    chosen = sorted(kept)
    return steps[chosen], values[chosen]

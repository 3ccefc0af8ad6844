"""What an error costs: errors against seconds, one curve for each way to train."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from qptlab.lab.plots.axes import (
    INK,
    TICK_SIZE,
    energy_axis,
    label_ends,
    style_axes,
    title_axes,
)

PANEL_INCHES = 6.0, 3.4
LEFT, BOTTOM, WIDTH, HEIGHT = 0.15, 0.18, 0.5, 0.68
"""Of the axes, in shares of a panel; labels stand to the right."""
COLOURS = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
"""One for each kind of curve: what stands before the comma of its name."""
STYLES = "-", "--", "-.", ":"

Curves = Mapping[str, Sequence[tuple[float, float]]]


def cost_figure(panels: Mapping[str, Curves], columns: int = 3) -> Figure:
    """Draw errors against total seconds, both on log axes.

    Args:
        panels: {title: {"kind" or "kind, more": [(seconds, error in hartree)]}}; curves of one
            kind share a colour.
        columns: panels side by side.
    """
    columns = max(1, min(columns, len(panels)))
    n_rows = -(-len(panels) // columns)
    width, height = PANEL_INCHES
    figure = Figure(figsize=(width * columns, height * n_rows), dpi=100)
    for index, (title, curves) in enumerate(panels.items()):
        row, column = divmod(index, columns)
        left, bottom = (column + LEFT) / columns, 1 - (row + 1 - BOTTOM) / n_rows
        place = left, bottom, WIDTH / columns, HEIGHT / n_rows
        axes = figure.add_axes(place, xscale="log", yscale="log")
        title_axes(axes, title)
        _draw(axes, curves)
    return figure


def _draw(axes: Axes, curves: Curves) -> None:
    kinds = list(dict.fromkeys(_kind(name) for name in curves))
    drawn = dict.fromkeys(kinds, 0)
    labels = []
    for name, points in curves.items():
        seconds, errors = np.array(sorted(points), dtype=float).reshape(-1, 2).T
        if not len(seconds):
            continue
        kind = _kind(name)
        colour, style = COLOURS[kinds.index(kind) % len(COLOURS)], STYLES[drawn[kind] % len(STYLES)]
        axes.plot(seconds, errors, style, color=colour, linewidth=2, marker="o", markersize=4)
        labels.append((errors[-1], name, colour))
        drawn[kind] += 1
    axes.margins(y=0.12)
    axes.set_xlabel("seconds in all", fontsize=TICK_SIZE, color=INK)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    energy_axis(axes, 9)
    style_axes(axes)
    label_ends(axes, labels)


def _kind(name: str) -> str:
    return name.partition(",")[0]

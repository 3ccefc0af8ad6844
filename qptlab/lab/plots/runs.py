"""Errors of several runs in one picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from qptlab.lab.plots.axes import (
    FAINT,
    INK,
    LABEL_SIZE,
    energy_axis,
    energy_text,
    label_ends,
    style_axes,
)
from qptlab.lab.plots.pixels import blank
from qptlab.qpt.training.config import StepLog

SIZE_PX = (700, 300)


def overlay_figure(
    runs: Sequence[tuple[str, str, Sequence[StepLog]]], figure: Figure | None = None
) -> Figure:
    """Energy errors against the seconds of training, one colour for each run.

    Args:
        runs: (name, colour, history). Without refining solid, with the most refining dashed.
        figure: ignored; every overlay is a new figure.
    """
    figure = blank(SIZE_PX)
    axes = figure.add_axes((0.125, 0.17, 0.66, 0.7), yscale="log")
    labels, most = [], 0
    for _, colour, history in runs:
        points = [log for log in history if log.val_error_ha]
        if not points:
            continue
        most = max(most, *points[-1].val_error_ha)
        for count, style in ((0, "-"), (max(points[-1].val_error_ha), (0, (4, 2)))):
            # below a picohartree it is rounding
            errors = [max(log.val_error_ha[count], 1e-12) for log in points]
            axes.plot(
                [log.seconds for log in points], errors, color=colour, linestyle=style, linewidth=2
            )
            labels.append((errors[-1], energy_text(errors[-1]), colour))
    axes.set_title(
        f"Energy error against PySCF: no refining solid, {most or 3} refining dashed",
        loc="left", fontsize=LABEL_SIZE, color=INK, fontweight="bold",
    )  # fmt: skip
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

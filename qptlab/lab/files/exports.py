"""A training run as a table and its plots as pictures, for papers and spreadsheets."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from matplotlib import rc_context
from matplotlib.figure import Figure

from qptlab.errors import InputError, quoted
from qptlab.files import replacing
from qptlab.qpt.training.config import StepLog

PICTURES = (".png", ".svg")
DPI = 200


def write_csv(
    history: Sequence[StepLog], target: str | Path | TextIO, loss: str = "loss_ha"
) -> None:
    """Write the StepLogs of a run as CSV: one row per step, empty cells for what was not computed.

    The columns are `step, seconds, samples, loss_ha, energy_ha, lr`, one `val_error_ha_K` for each
    number K of refining iterations that was ever validated, and `skipped`, the number of
    geometries that could not be used.

    Args:
        history: StepLogs, as `Training.history`.
        target: a path, or something to write text to.
        loss: the loss's column; another name where its unit is not hartree.

    Raises:
        OSError: the file cannot be written.
    """
    if isinstance(target, str | Path):
        with replacing(target) as place, open(place, "w", encoding="utf-8", newline="") as file:
            return write_csv(history, file, loss)
    refining = sorted({count for log in history for count in log.val_error_ha or {}})
    errors = [f"val_error_ha_{count}" for count in refining]
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["step", "seconds", "samples", loss, "energy_ha", "lr", *errors, "skipped"])
    for log in history:
        validated = log.val_error_ha or {}
        numbers = [log.loss, log.energy, log.lr, *(validated.get(count) for count in refining)]
        cells = [log.step, round(log.seconds, 3), log.samples, *map(_cell, numbers)]
        writer.writerow([*cells, len(log.skipped)])


def save_figure(figure: Figure, path: str | Path, title: str = "", dpi: float = DPI) -> None:
    """Write a plot as PNG or SVG, the same bytes every time.

    In an SVG, text stays text, which can be searched, edited and read aloud.

    Args:
        figure: what `training_figure` and its like return.
        path: its ending, `.png` or `.svg`, says which.
        title: what the picture shows, in words, for screen readers; by default the figure's titles.
        dpi: pixels per inch of a PNG.

    Raises:
        InputError: another ending.
        OSError: the file cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in PICTURES:
        raise InputError(
            f"cannot write a plot to {quoted(path.name)}; end it in {' or '.join(PICTURES)}"
        )
    metadata: dict[str, str | None] = {"Title": title or _titles(figure)}
    # dates and random identifiers would make every file another one
    metadata |= {"Date": None} if ending == ".svg" else {"Software": None}
    drawn = rc_context({"svg.fonttype": "none", "svg.hashsalt": "qptlab"})
    with drawn, replacing(path) as place:
        figure.savefig(place, format=ending[1:], dpi=dpi, metadata=metadata)


def _cell(number: float | None) -> float | str:
    return "" if number is None or math.isnan(number) else number


def _titles(figure: Figure) -> str:
    titles = [a.get_title(loc=loc) for a in figure.axes for loc in ("left", "center", "right")]
    return "; ".join(filter(None, [figure.get_suptitle(), *titles]))

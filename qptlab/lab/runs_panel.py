"""A table of runs, this kernel's and those on disk: overlay errors, open one, go on with it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ipywidgets import HTML, Button, Checkbox, HBox, Layout, VBox
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from qptlab.lab.describe import clock, grouped, micro, sentence_html
from qptlab.lab.live_plot import LivePlot
from qptlab.lab.plots import FAINT, INK, LABEL_SIZE, energy_text, label_ends, style_axes
from qptlab.lab.refresher import Refresher
from qptlab.qpt.runs.folder import read_history
from qptlab.qpt.runs.listing import RunSummary, list_runs
from qptlab.qpt.training.config import StepLog

ROWS = 8
SIZE_PX = (700, 300)
# Okabe and Ito's, in an order in which neighbours differ in lightness too
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#8a8a8a")


class RunsPanel(VBox):
    """The runs of a folder, written last first.

    `open_run(folder)` is called when Open is pressed. The same without it:
    `qptlab.qpt.runs.listing.list_runs(folder)` and `ql.Training.resume(folder)`.
    """

    def __init__(self, folder: Path, open_run: Callable[[Path], None]) -> None:
        self.folder, self._open_run = Path(folder), open_run
        self.reload = Button(
            description="Refresh", icon="refresh", tooltip="Read the folder again",
            layout=Layout(width="96px"),
        )  # fmt: skip
        self.reload.on_click(lambda _: self.refresh())
        self.message = HTML(layout=Layout(flex="1 1 200px", min_width="0"))
        self.table = VBox()
        self.plot = LivePlot(overlay_figure, SIZE_PX)
        self.shown: set[Path] = set()
        self._rows: list[RunSummary] = []
        self._refresher = Refresher(self._read, busy=lambda: False)
        super().__init__([HBox([self.reload, self.message]), self.table, self.plot])

    def refresh(self) -> None:
        """Read the folder again, in the background."""
        self._refresher.poke()

    def _read(self) -> None:
        runs = list_runs(self.folder)
        self._rows = runs[:ROWS]
        if not self.shown & {run.folder for run in self._rows} and self._rows:
            self.shown = {self._rows[0].folder}
        self.table.children = [_heading(), *(self._row(run, i) for i, run in enumerate(self._rows))]
        left_out = f"; the {ROWS} latest of {len(runs)}" if len(runs) > ROWS else ""
        text = f"in {self.folder}{left_out}" if runs else f"no runs in {self.folder} yet"
        self.message.value = sentence_html(text)
        self._overlay()

    def _row(self, run: RunSummary, place: int) -> HBox:
        chosen = Checkbox(
            value=run.folder in self.shown, indent=False, description="",
            tooltip=f"Show the errors of {run.folder.name} below", layout=Layout(flex="0 0 26px"),
        )  # fmt: skip
        chosen.observe(lambda change: self._choose(run.folder, change["new"]), "value")
        button = Button(
            description="Open", tooltip=f"Load {run.folder.name}; Start then goes on with it",
            layout=Layout(flex="0 0 68px"),
        )  # fmt: skip
        button.on_click(lambda _: self._open_run(run.folder))
        text = HTML(_row_html(run, COLOURS[place]), layout=Layout(flex="1 1 auto", min_width="0"))
        return HBox([chosen, text, button], layout=Layout(align_items="center"))

    def _choose(self, folder: Path, shown: bool) -> None:
        (self.shown.add if shown else self.shown.discard)(folder)
        self._overlay()

    def figures(self) -> dict[str, Figure]:
        """What is shown now, by name, drawn anew.

        Raises:
            ValueError: no run is chosen.
        """
        chosen = self._chosen()
        if not chosen:
            raise ValueError("no runs to save yet: choose some on the page Runs")
        return {"runs": overlay_figure(chosen)}

    def _chosen(self) -> list[tuple[str, str, list[StepLog]]]:
        """Name, colour and history of the chosen runs, each in the colour of its row."""
        return [
            (run.folder.name, COLOURS[place], read_history(run.folder))
            for place, run in enumerate(self._rows)
            if run.folder in self.shown
        ]

    def _overlay(self) -> None:
        chosen = self._chosen()
        version = tuple((name, len(history)) for name, _, history in chosen)
        self.plot.update(chosen, version=version, force=True)
        names = ", ".join(name for name, _, _ in chosen) or "no run"
        self.plot.image.words = f"Energy errors against time of {names}"


def overlay_figure(
    runs: Sequence[tuple[str, str, Sequence[StepLog]]], figure: Figure | None = None
) -> Figure:
    """Energy errors against the seconds of training, one colour for each run.

    Args:
        runs: (name, colour, history). Without refining solid, with the most refining dashed.
        figure: ignored; every overlay is a new figure.
    """
    figure = Figure(figsize=(SIZE_PX[0] / 100, SIZE_PX[1] / 100), dpi=100)
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
    axes.yaxis.set_major_locator(LogLocator(numticks=7))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: energy_text(value)))
    axes.yaxis.minorticks_off()
    style_axes(axes)
    if not labels:
        axes.set(xlim=(0, 10), ylim=(1e-6, 1e-2))
        axes.text(0.5, 0.5, "no validated run is chosen", transform=axes.transAxes, ha="center",
                  fontsize=LABEL_SIZE, color=FAINT)  # fmt: skip
        return figure
    axes.set_xlim(left=0)
    label_ends(axes, labels)
    return figure


_COLUMNS = "minmax(0, 3fr) 58px 50px 94px 94px"


def _heading() -> HTML:
    names = ("run", "steps", "time", "no refining", "refined")
    cells = "".join(f"<span>{name}</span>" for name in names)
    return HTML(_grid_html(f"<b></b>{cells}", "margin:0 68px 0 26px; opacity:0.7"))


def _row_html(run: RunSummary, colour: str) -> str:
    errors = run.val_error_ha
    cells = (
        f'<span title="{run.folder.name}">{_without_date(run)}</span>',
        f"<span>{grouped(run.steps)}</span>",
        f"<span>{clock(run.seconds)}</span>",
        f"<span>{micro(errors.get(0))}</span>",
        f"<span>{micro(errors[max(errors)] if errors else None)}</span>",
    )
    return _grid_html(f'<b style="background:{colour}"></b>{"".join(cells)}')


def _without_date(run: RunSummary) -> str:
    """The name of a run folder of the workbench without its date, which is the same for most."""
    return re.sub(r"-\d{8}-(\d\d)(\d\d)\d\d$", r" · \1:\2", run.folder.name)


def _grid_html(cells: str, more: str = "") -> str:
    style = f"grid-template-columns:14px {_COLUMNS};{more}"
    return f'<div class="qptlab-run" style="{style}">{cells}</div>'

"""A table of runs, this kernel's and those on disk: overlay errors, open one, go on with it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ipywidgets import Checkbox, HBox, Layout, VBox
from matplotlib.figure import Figure

from qptlab.errors import InputError, printable, quoted
from qptlab.lab.html import Markup, tag
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import BackgroundPanel, button
from qptlab.lab.panels.describe import clock, grouped, micro, sentence_html
from qptlab.lab.panels.runner import one_sentence
from qptlab.lab.panels.signals import by_hand
from qptlab.lab.plots.live_plot import LivePlot
from qptlab.lab.plots.training import RUNS_SIZE_PX, overlay_figure
from qptlab.qpt.runs.history import HISTORY, read_lines
from qptlab.qpt.runs.listing import Damaged, RunSummary, damaged_runs, list_runs
from qptlab.qpt.training.config import StepLog

ROWS = 8
# Okabe and Ito's, in an order in which neighbours differ in lightness too
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#8a8a8a")


class RunsPanel(BackgroundPanel):
    """The runs of a folder, written last first.

    `open_run(folder)` is called when Open is pressed. The same without it:
    `qptlab.qpt.runs.listing.list_runs(folder)` and `ql.Training.resume(folder)`.
    """

    def __init__(self, folder: Path, open_run: Callable[[Path], None]) -> None:
        super().__init__()
        self.folder, self._open_run = Path(folder), open_run
        reload = button("Refresh", self.refresh, "96px", "refresh", "Read the folder again")
        self.message = self.status
        self.message.layout = Layout(flex="1 1 200px", min_width="0")
        self.table = VBox()
        self.plot = LivePlot(overlay_figure, RUNS_SIZE_PX)
        self.shown: set[Path] = set()
        self._rows: list[RunSummary] = []
        self._listed, self._text = None, ""
        self.children = [HBox([reload, self.message]), self.table, self.plot]

    def refresh(self) -> None:
        """Read the folder again, in the background."""
        self._submit("reading the runs", self._read)

    def _read(self) -> None:
        runs = list_runs(self.folder)
        self._rows = runs[:ROWS]
        if not self.shown & {run.folder for run in self._rows} and self._rows:
            self.shown = {self._rows[0].folder}
        left_out = f"; the {ROWS} latest of {len(runs)}" if len(runs) > ROWS else ""
        text = f"in {self.folder}{left_out}" if runs else f"no runs in {self.folder} yet"
        self._text = text + _unread(damaged_runs(self.folder))

    def _draw(self) -> None:
        if self._error:
            return self._complain(self._error)
        if self._rows != self._listed:
            self._listed = self._rows
            rows = (self._row(run, i) for i, run in enumerate(self._rows))
            self.table.children = [_heading(), *rows]
        chosen, unread = self._chosen()
        self.message.value = sentence_html(self._text + _unread(unread))
        version = tuple((name, len(history)) for name, _, history in chosen)
        self.plot.update(chosen, version=version, force=True)
        names = ", ".join(name for name, _, _ in chosen) or "no run"
        self.plot.image.words = f"Energy errors against time of {names}"

    def _complain(self, sentence: str) -> None:
        self.message.value = sentence_html(sentence, error=True)

    def _row(self, run: RunSummary, place: int) -> HBox:
        chosen = Checkbox(
            value=run.folder in self.shown, indent=False, description="",
            tooltip=f"Show the errors of {run.folder.name} below", layout=Layout(flex="0 0 26px"),
        )  # fmt: skip
        by_hand(lambda: self._choose(run.folder, chosen.value), chosen)
        tip = f"Load {run.folder.name}; Start then goes on with it"
        opens = button("Open", lambda: self._open_run(run.folder), "68px", tooltip=tip)
        text = Html(_row_html(run, COLOURS[place]), layout=Layout(flex="1 1 auto", min_width="0"))
        return HBox([chosen, text, opens], layout=Layout(align_items="center"))

    def _choose(self, folder: Path, shown: bool) -> None:
        (self.shown.add if shown else self.shown.discard)(folder)
        self._refresher.poke()

    def figures(self) -> dict[str, Figure]:
        """What is shown now, by name, drawn anew; `InputError` where no run is chosen."""
        chosen, _ = self._chosen()
        if not chosen:
            raise InputError("no runs to save yet: choose some on the page Runs")
        return {"runs": overlay_figure(chosen)}

    def _chosen(self) -> tuple[list[tuple[str, str, list[StepLog]]], list[Damaged]]:
        """Name, colour and history of the chosen runs, each in the colour of its row; and those
        whose history is damaged, which ends there."""
        chosen, unread = [], []
        for place, run in enumerate(self._rows):
            if run.folder in self.shown:
                try:
                    history, n_lines = read_lines(run.folder)
                except (InputError, OSError) as error:
                    unread.append(Damaged(run.folder, one_sentence(error)))
                    continue
                if n_lines > len(history):
                    reason = f"{HISTORY} is damaged at line {len(history) + 1}"
                    unread.append(Damaged(run.folder, reason))
                chosen.append((run.folder.name, COLOURS[place], history))
        return chosen, unread


def _heading() -> Html:
    names = "run", "steps", "time", "no refining", "refined"
    cells = tag("b"), *(tag("span", name) for name in names)
    return Html(_grid_html(*cells, more="margin:0 68px 0 26px; opacity:0.7"))


def _unread(damaged: Sequence[Damaged]) -> str:
    """How many run folders cannot be read, which, and why."""
    if not damaged:
        return ""
    named = [f"{quoted(run.folder.name)} ({printable(run.reason, 100)})" for run in damaged[:ROWS]]
    more = f" and {len(damaged) - ROWS} more" if len(damaged) > ROWS else ""
    return f"; {len(damaged)} cannot be read, or not to the end: {', '.join(named)}{more}"


def _row_html(run: RunSummary, colour: str) -> Markup:
    errors = run.val_error_ha
    # without its date, which is the same for most
    name = re.sub(r"-\d{8}-(\d\d)(\d\d)\d\d$", r" · \1:\2", run.folder.name)
    last = micro(errors[max(errors)] if errors else None)
    cells = grouped(run.steps), clock(run.seconds), micro(errors.get(0)), last
    named = tag("b", style=f"background:{colour}"), tag("span", name, title=run.folder.name)
    return _grid_html(*named, *(tag("span", cell) for cell in cells))


def _grid_html(*cells: Markup, more: str = "") -> Markup:
    style = f"grid-template-columns:14px minmax(0, 3fr) 58px 50px 94px 94px;{more}"
    return tag("div", *cells, class_="qptlab-run", style=style)

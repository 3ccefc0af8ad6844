"""What a run and its orbitals leave behind: files that other programs open."""

import time
from collections.abc import Mapping
from pathlib import Path

from ipywidgets import Button, Dropdown, HBox, Layout, Widget
from matplotlib.figure import Figure

from qptlab.errors import InputError
from qptlab.lab.files.cube import write_cube
from qptlab.lab.files.exports import save_figure, write_csv
from qptlab.lab.files.orbital_page import orbital_page
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import BackgroundPanel, button
from qptlab.lab.panels.describe import name_html, sentence_html
from qptlab.lab.panels.orbital_feed import OrbitalFeed
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Run, one_sentence
from qptlab.lab.plots.training import training_figure
from qptlab.lab.views.orbital_names import orbital_name
from qptlab.lab.views.orbital_picture import DENSITY, Comparison
from qptlab.reference import write_molden

KINDS = {  # what is saved: (what the button says, what the file is for)
    "page": ("Web page", "all orbitals with a slider: needs no kernel, no network"),
    "cube": ("Cube", "the orbital or density on show, for VMD or Avogadro"),
    "molden": ("Molden", "all orbitals and the basis set, for Avogadro or Molden"),
    "csv": ("CSV", "every training step, for a spreadsheet"),
    "svg": ("SVG", "the chosen picture, for a paper"),
    "png": ("PNG", "the chosen picture, for slides"),
}
PICTURES = ("svg", "png")


class ExportPanel(BackgroundPanel):
    """Buttons that write files, in the training's thread, and say where they are.

    `pages`: by name, panels whose `figures()` can be saved, besides the training's.

    The same without it: `ql.orbital_page`, `ql.write_cube`, `ql.write_molden`, `ql.write_csv` and
    `ql.save_figure`.
    """

    def __init__(self, orbitals: OrbitalFeed, pages: Mapping[str, BackgroundPanel]) -> None:
        super().__init__(orbitals.runner)
        self._orbitals = orbitals
        figures = {name: page.figures for name, page in pages.items()}
        self._figures = {"training": self._training, **figures}
        self.picture = Dropdown(options=list(self._figures), layout=Layout(width="130px"))
        self.buttons = {kind: self._button(kind) for kind in KINDS}
        self.message = self.status
        self.message.layout = Layout(min_width="0", width="100%")
        choice = _line(Html(name_html("picture")), self.picture)
        lines = [_line(self.buttons[k], Html(sentence_html(KINDS[k][1]))) for k in KINDS]
        others = len(KINDS) - len(PICTURES)
        self.children = [*lines[:others], choice, *lines[others:], self.message]

    def save(self, kind: str) -> None:
        """Write one of `KINDS`, in the background."""
        self.runner.submit(f"saving {KINDS[kind][0]}", lambda: self._save(kind))

    def _button(self, kind: str) -> Button:
        name, purpose = KINDS[kind]
        return button(name, lambda: self.save(kind), "112px", "download", purpose)

    def _save(self, kind: str) -> None:
        try:
            paths = self._write(kind)
        except (ValueError, OSError) as error:
            self._say(one_sentence(error), error=True)
            raise
        saved = (f"{path}, {path.stat().st_size / 1e6:.2g} MB" for path in paths)
        self._say(f"saved {'; '.join(saved)}")

    def _say(self, sentence: str, error: bool = False) -> None:
        in_display(lambda: setattr(self.message, "value", sentence_html(sentence, error)))

    def _write(self, kind: str) -> list[Path]:
        """Write the files of a kind; where each of them is."""
        stem = f"{self._orbitals.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        if kind in PICTURES:
            figures = self._figures[self.picture.value]()
            for name, figure in figures.items():
                save_figure(figure, f"{stem}-{name}.{kind}")
            return [Path(f"{stem}-{name}.{kind}") for name in figures]
        path = Path(f"{stem}.{'html' if kind == 'page' else kind}")
        if kind == "csv":
            write_csv(self._run().history, path)
        elif kind == "molden":
            write_molden(self._comparison().result, path)
        elif kind == "page":
            shown = self._comparison()
            orbital_page(shown.result, path, reference=shown.reference)
        else:
            result, index = self._comparison().result, self._orbitals.panel.orbital.value
            which = "density" if index == DENSITY else orbital_name(index, result.n_occ).lower()
            path = path.with_stem(f"{stem}-{which}")
            write_cube(result, which, path)
        return [path]

    def _training(self) -> dict[str, Figure]:
        run = self._run()
        return {"training": training_figure(run.history, run.baselines_ha)}

    def _comparison(self) -> Comparison:
        shown = self._orbitals.panel.shown
        if shown is None:
            raise InputError("no orbitals to save yet: train, then press Draw")
        return shown

    def _run(self) -> Run:
        run = self.runner.run
        if run is None or not run.history:
            raise InputError("no training to save yet: press Start")
        return run


def _line(*widgets: Widget) -> HBox:
    return HBox(widgets, layout=Layout(align_items="center"))

"""What a run and its orbitals leave behind: files that other programs open."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Button, Dropdown, HBox, Layout, VBox
from matplotlib.figure import Figure

from qptlab.lab.describe import name_html, sentence_html
from qptlab.lab.orbital_feed import OrbitalFeed
from qptlab.lab.orbital_names import orbital_name
from qptlab.lab.orbital_picture import DENSITY
from qptlab.lab.plots import training_figure

KINDS = {  # what is saved: (what the button says, what the file is for)
    "page": ("Web page", "all orbitals with a slider: needs no kernel, no network"),
    "cube": ("Cube", "the orbital or density on show, for VMD or Avogadro"),
    "molden": ("Molden", "all orbitals and the basis set, for Avogadro or Molden"),
    "csv": ("CSV", "every training step, for a spreadsheet"),
    "svg": ("SVG", "the chosen picture, for a paper"),
    "png": ("PNG", "the chosen picture, for slides"),
}
PICTURES = ("svg", "png")
Figures = Callable[[], dict[str, Figure]]

_CENTRED = Layout(align_items="center")


class ExportPanel(VBox):
    """Buttons that write files into `folder`, in the training's thread, and say where they are.

    `figures`: by the name of a page, what gives its pictures, besides the training's.

    The same without it: `ql.orbital_page`, `ql.write_cube`, `ql.write_molden`, `ql.write_csv` and
    `ql.save_figure`.
    """

    def __init__(
        self, orbitals: OrbitalFeed, folder: Path, figures: Mapping[str, Figures] | None = None
    ) -> None:
        self._orbitals, self.folder = orbitals, Path(folder)
        self._figures: dict[str, Figures] = {"training": self._training, **(figures or {})}
        self.picture = Dropdown(options=list(self._figures), layout=Layout(width="130px"))
        self.buttons = {kind: self._button(kind) for kind in KINDS}
        self.message = HTML(layout=Layout(min_width="0", width="100%"))
        rows = [
            HBox([self.buttons[kind], HTML(sentence_html(purpose))], layout=_CENTRED)
            for kind, (_, purpose) in KINDS.items()
        ]
        rows.insert(
            len(KINDS) - len(PICTURES),
            HBox([HTML(name_html("picture")), self.picture], layout=_CENTRED),
        )
        super().__init__([*rows, self.message])

    def save(self, kind: str) -> None:
        """Write one of `KINDS`, in the background."""
        self._orbitals.runner.submit(f"saving {KINDS[kind][0]}", lambda: self._save(kind))

    def _button(self, kind: str) -> Button:
        name, purpose = KINDS[kind]
        button = Button(
            description=name, icon="download", tooltip=purpose, layout=Layout(flex="0 0 112px")
        )
        button.on_click(lambda _: self.save(kind))
        return button

    def _save(self, kind: str) -> None:
        try:
            paths = self._write(kind)
        except (ValueError, OSError) as error:
            self.message.value = sentence_html(str(error), error=True)
            raise
        saved = (f"{path}, {path.stat().st_size / 1e6:.2g} MB" for path in paths)
        self.message.value = sentence_html(f"saved {'; '.join(saved)}")

    def _write(self, kind: str) -> list[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        writers: dict[str, Callable[[str], Path]] = {
            "page": self._page, "cube": self._cube, "molden": self._molden, "csv": self._csv,
        }  # fmt: skip
        stem = f"{self._orbitals.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        return [writers[kind](stem)] if kind in writers else self._pictures(stem, kind)

    def _pictures(self, stem: str, kind: str) -> list[Path]:
        from qptlab.lab.exports import save_figure

        paths = []
        for name, figure in self._figures[self.picture.value]().items():
            paths.append(self.folder / f"{stem}-{name}.{kind}")
            save_figure(figure, paths[-1])
        return paths

    def _training(self) -> dict[str, Figure]:
        run = self._run()
        return {"training": training_figure(run.history, run.baselines_ha)}

    def _page(self, stem: str) -> Path:
        from qptlab.lab.page import orbital_page

        shown, path = self._comparison(), self.folder / f"{stem}.html"
        orbital_page(shown.result, path, reference=shown.reference)
        return path

    def _cube(self, stem: str) -> Path:
        from qptlab.lab.cube import write_cube

        shown, index = self._comparison(), self._orbitals.panel.orbital.value
        name = "density" if index == DENSITY else orbital_name(index, shown.result.n_occ)
        path = self.folder / f"{stem}-{name.lower()}.cube"
        write_cube(shown.result, "density" if index == DENSITY else index, path)
        return path

    def _molden(self, stem: str) -> Path:
        from qptlab.reference import write_molden

        path = self.folder / f"{stem}.molden"
        write_molden(self._comparison().result, path)
        return path

    def _csv(self, stem: str) -> Path:
        from qptlab.lab.exports import write_csv

        path = self.folder / f"{stem}.csv"
        write_csv(self._run().history, path)
        return path

    def _comparison(self) -> Any:
        shown = self._orbitals.panel.shown
        if shown is None:
            raise ValueError("no orbitals to save yet: train, then press Draw")
        return shown

    def _run(self) -> Any:
        run = self._orbitals.runner.run
        if run is None or not run.history:
            raise ValueError("no training to save yet: press Start")
        return run

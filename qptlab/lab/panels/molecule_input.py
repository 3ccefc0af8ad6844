"""Choosing a molecule: from the library, from an .xyz pasted or dropped, or from SMILES."""

from ipywidgets import BoundedIntText, Dropdown, HBox, Layout, VBox

from qptlab.lab.html_widget import Html
from qptlab.lab.panels.describe import name_html, sentence_html
from qptlab.lab.panels.runner import one_sentence
from qptlab.lab.panels.signals import Signal, by_hand, quietly
from qptlab.lab.views.small_widgets import DropText
from qptlab.library import library_names, molecule
from qptlab.molecule import Molecule
from qptlab.reading import read
from qptlab.reading.smiles import from_smiles

OWN = "your own…"
HINT = "Paste an .xyz, drop a file here, or type a SMILES such as CCO and press Enter"


class MoleculeInput(VBox):
    """One molecule: `name` and `molecule`; `changed` tells when they do.

    A text that is no molecule is said in one sentence, and the molecule before it stays.
    """

    def __init__(self, name: str = "water") -> None:
        self.changed = Signal()
        # networks are for closed shells only
        names = [name for name in library_names() if not molecule(name).spin]
        self.library = Dropdown(options=[*names, OWN], value=name, layout=Layout(width="190px"))
        self.charge = BoundedIntText(value=0, min=-4, max=4, layout=Layout(width="58px"))
        self.text = DropText(placeholder=HINT, label=HINT)
        self.problem = Html(layout=Layout(min_width="0", flex="1 1 200px"))
        self.row = HBox(
            [Html(name_html("molecule")), self.library, Html(name_html("charge")), self.charge]
        )
        self.own = HBox([self.text, self.problem], layout=Layout(display="none"))
        self.own.add_class("qptlab-own")
        self.library.add_class("qptlab-molecule")
        self.name, self.molecule = name, molecule(name)
        by_hand(self._choose, self.library, self.charge, self.text)
        super().__init__([self.own])

    def lock(self, locked: bool) -> None:
        """While a training uses the molecule it cannot be changed."""
        self.library.disabled = self.charge.disabled = self.text.disabled = locked

    def offer(self, chosen: Molecule) -> None:
        """Take over a molecule that something else has chosen."""
        names = [name for name in self.library.options if name != OWN]
        known = next((n for n in names if molecule(n, chosen.charge) == chosen), None)
        with quietly():
            self.library.value, self.charge.value, self.text.value = known or OWN, chosen.charge, ""
        self.own.layout.display = "none" if known else "flex"
        self.problem.value = "" if known else sentence_html(f"{chosen}")
        self.name, self.molecule = known or chosen.formula, chosen
        self.changed.emit()

    def _choose(self) -> None:
        own, text = self.library.value == OWN, self.text.value.strip()
        self.own.layout.display = "flex" if own else "none"
        self.problem.value = ""
        if own and not text:
            return
        if own and "\n" not in text:
            self.problem.value = sentence_html("placing its atoms…")  # a large one takes seconds
        try:
            name, chosen = self._read(text) if own else (self.library.value, None)
            chosen = chosen or molecule(name, self.charge.value)
        except ValueError as error:
            self.problem.value = sentence_html(one_sentence(error), error=True)
            return
        if own:
            self.problem.value = sentence_html(f"{chosen}")
        if (name, chosen) != (self.name, self.molecule):
            self.name, self.molecule = name, chosen
            self.changed.emit()

    def _read(self, text: str) -> tuple[str, Molecule]:
        """A name and the molecule of an .xyz text or, of one line, of a SMILES."""
        # charge 0 means that a charge= in the comment line counts
        charge = self.charge.value or None
        found = read(text, charge) if "\n" in text else from_smiles(text, charge)
        return found.formula, found

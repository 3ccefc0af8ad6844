"""Everything that is chosen before a training starts, and what it will cost, before it runs."""

import ipywidgets as widgets

from qptlab.dft import xc
from qptlab.dft.integrals import check_input
from qptlab.dft.size import size
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import BackgroundPanel, row
from qptlab.lab.panels.describe import grouped, name_html, sentence_html
from qptlab.lab.panels.molecule_input import MoleculeInput
from qptlab.lab.panels.setup import GENERAL, SAMPLERS, WIGGLE, Setup, networks_for
from qptlab.lab.panels.signals import Signal, by_hand, quietly
from qptlab.molecule import Molecule
from qptlab.qpt.losses import parse_loss
from qptlab.qpt.networks.base import check_closed_shell
from qptlab.qpt.training.estimate import step_seconds
from qptlab.theory import FUNCTIONALS, Theory, parse_theory

BASES = ("sto-3g", "6-31g", "6-31g*", "def2-svp", "def2-tzvp", "cc-pvdz", "cc-pvtz")
LOSSES = ("energy", "delta2", "energy -> delta2", "energy@1", "commutator", "hamiltonian")
MINUTES = {"no limit": None, "1 min": 1.0, "2 min": 2.0, "5 min": 5.0, "15 min": 15.0, "1 h": 60.0}
FIELDS = "sampler", "amount", "network", "loss", "refine", "n_validation", "minutes"
"""Of a `Setup`, each with a control of the same name."""


class Choices(BackgroundPanel):
    """Molecule, functional and basis; behind a button sampler, network, loss and limits.

    `setup()` gives what is chosen; `changed` tells of every change. The line below says how
    large the calculation will be, or why it cannot run.
    """

    def __init__(self) -> None:
        super().__init__(overflow="visible")
        self.changed, self._cost = Signal(), ""
        self.molecule = MoleculeInput()
        self.functional = widgets.Dropdown(options=list(FUNCTIONALS), value="b3lyp5")
        self.basis = widgets.Combobox(options=BASES, value="def2-svp", ensure_option=False)
        self.sampler = widgets.Dropdown(options=list(SAMPLERS), value=WIGGLE)
        self.amount = widgets.FloatText(value=SAMPLERS[WIGGLE][1], step=0.01)
        self.network = widgets.Dropdown(options=networks_for(self.molecule.molecule))
        self.loss = widgets.Combobox(options=LOSSES, value="energy", ensure_option=False)
        self.refine = widgets.Dropdown(options=[1, 2, 3, 4, 5], value=3)
        self.n_validation = widgets.BoundedIntText(value=8, min=1, max=64)
        self.minutes = widgets.Dropdown(options=list(MINUTES.items()), value=5.0)
        self.more = widgets.ToggleButton(
            description="Settings", icon="sliders",
            tooltip="How geometries are drawn, which network, which loss, how long",
            layout=widgets.Layout(width="104px", margin="2px 0 2px 10px"),
        )  # fmt: skip
        self.cost = self.status
        self.cost.layout = widgets.Layout(min_width="0", flex="1 1 300px")
        self._amount_name = Html(name_html(SAMPLERS[WIGGLE][0]))
        first = row(
            *self.molecule.row.children,
            _named("functional", self.functional, 100),
            _named("basis", self.basis, 115),
            self.more,
        )
        self._settings = row(
            _named("geometries", self.sampler, 106),
            widgets.HBox([self._amount_name, _sized(self.amount, 58)]),
            _named("network", self.network, 110),
            _named("loss", self.loss, 102),
            _named("refining", self.refine, 50),
            _named("validate on", self.n_validation, 50),
            _named("train for", self.minutes, 82),
            display="none",
        )
        self.children = [first, self.molecule, self._settings, widgets.HBox([self.cost])]
        self._widgets = [self.functional, self.basis, *(getattr(self, name) for name in FIELDS)]
        by_hand(self._unfold, self.more)
        by_hand(self._offer_amount, self.sampler)
        self.molecule.changed.connect(self._offer_networks)
        self.molecule.changed.connect(self._tell)
        by_hand(self._tell, *self._widgets)
        self._tell()

    def setup(self) -> Setup:
        """What is chosen; `InputError` where there is no such theory."""
        theory = parse_theory(f"{self.functional.value}/{self.basis.value.strip()}")
        chosen = {name: getattr(self, name).value for name in FIELDS}
        return Setup(self.molecule.name, self.molecule.molecule, theory, **chosen)

    def offer(self, molecule: Molecule, theory: Theory) -> None:
        """Take over what a run that is opened is about."""
        with quietly():
            self.functional.value, self.basis.value = theory.xc, theory.basis
        self.molecule.offer(molecule)

    def lock(self, locked: bool) -> None:
        """While a training uses the choices they cannot be changed."""
        self.molecule.lock(locked)
        for widget in self._widgets:
            widget.disabled = locked

    def _unfold(self) -> None:
        self._settings.layout.display = "flex" if self.more.value else "none"

    def _offer_amount(self) -> None:
        name, usual, *_ = SAMPLERS[self.sampler.value]
        with quietly():
            self._amount_name.value, self.amount.value = name_html(name), usual

    def _offer_networks(self) -> None:
        offered, chosen = networks_for(self.molecule.molecule), self.network.value
        if list(self.network.options) != offered:
            with quietly():
                self.network.options = offered
                self.network.value = chosen if chosen in offered else offered[0]

    def _tell(self) -> None:
        self._submit("counting", self._describe)
        self.changed.emit()

    def _describe(self) -> None:
        """In a thread of its own: the first time it loads PySCF."""
        self._cost = cost_sentence(self.setup())

    def _draw(self) -> None:
        if self._work is None:
            self.cost.value = sentence_html(self._error or self._cost, error=bool(self._error))

    def _complain(self, sentence: str) -> None:
        self.cost.value = sentence_html(sentence, error=True)


def cost_sentence(setup: Setup) -> str:
    """How large a training will be and about how long a step takes.

    Raises:
        InputError: what cannot run, in one sentence.
    """
    check_closed_shell(setup.molecule)
    check_input(setup.molecule, setup.theory)
    parse_loss(setup.loss)
    counted = size(setup.molecule, setup.theory)
    seconds = step_seconds(counted, hybrid=bool(xc.functional(setup.theory.xc).exact_exchange))
    parts = (
        f"{setup.molecule.formula}: {counted.n_ao} orbitals, {counted.n_occ} of them filled",
        f"{grouped(counted.n_aux)} auxiliary functions",
        f"{grouped(counted.n_grid)} grid points",
        f"about {time_text(seconds)} a step",
        "starts from the general network" if setup.network == GENERAL else "starts from nothing",
    )
    return " · ".join(parts)


def time_text(seconds: float) -> str:
    """A time to one or two digits: `5 ms`, `0.3 s`, `12 s`."""
    if seconds < 0.0995:
        return f"{float(f'{1000 * seconds:.1g}'):.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _named(name: str, widget: widgets.ValueWidget, width: int) -> widgets.Widget:
    """A control behind its name, which stay together where a row is too narrow for all."""
    widget.add_class(f"qptlab-{name.replace(' ', '-')}")
    return widgets.HBox([Html(name_html(name)), _sized(widget, width)])


def _sized(widget: widgets.ValueWidget, width: int) -> widgets.Widget:
    widget.layout = widgets.Layout(width=f"{width}px")
    return widget

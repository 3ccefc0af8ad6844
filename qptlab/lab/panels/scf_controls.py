"""The controls of the SCF stepper: where it starts, by which scheme, and which density is shown."""

from collections.abc import Callable, Mapping

from ipywidgets import Button, Dropdown, IntSlider, Layout, ToggleButtons

from qptlab.dft.scf_path import ScfPath
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import button, row
from qptlab.lab.panels.describe import name_html
from qptlab.lab.panels.signals import by_hand
from qptlab.qpt.scf_starts import MINAO, NETWORK

BOTH = "both"
STARTS = {MINAO: (MINAO,), NETWORK: (NETWORK,), BOTH: (MINAO, NETWORK)}
TIPS = (
    "PySCF's guess: densities of the atoms, added up",
    "The density that the network predicts after one Fock build",
    "Side by side, at equal numbers of Fock builds",
)
SCHEMES = {"DIIS": "diis", "DIIS, screened": "screened", "mixing 0.4": "mixing", "plain": "plain"}
STEPS = {  # text: (tooltip, where it leads from now, least, most)
    "«": ("To the start", lambda now, least, most: least),
    "‹": ("One iteration back", lambda now, least, most: max(now - 1, least)),
    "step ›": ("One iteration on", lambda now, least, most: min(now + 1, most)),
    "»": ("To the end", lambda now, least, most: most),
}


class ScfControls:
    """Widgets `start`, `scheme`, `steps`, `builds`, and the two rows that they stand in.

    `chosen()` is called when start or scheme change, `moved()` when the slider does.
    `more`: widgets at the end of the first row.
    """

    def __init__(
        self, chosen: Callable[[], None], moved: Callable[[], None], more: list[Button]
    ) -> None:
        self.start = ToggleButtons(
            options=list(STARTS), style={"button_width": "76px"}, disabled=True
        )
        self.scheme = Dropdown(options=SCHEMES, layout=Layout(width="140px"))
        self.steps = {text: self._step_button(text) for text in STEPS}
        self.builds = IntSlider(
            min=0, max=0, description="Fock builds", layout=Layout(flex="1 1 200px")
        )
        by_hand(moved, self.builds)
        by_hand(chosen, self.start, self.scheme)
        start, scheme = Html(name_html("start")), Html(name_html("scheme"))
        self.rows = (
            row(start, self.start, scheme, self.scheme, *more, width="100%"),
            row(*self.steps.values(), self.builds, width="100%", max_width="720px"),
        )

    @property
    def choice(self) -> tuple[tuple[str, ...], str]:
        """The chosen starts and scheme."""
        return STARTS[self.start.value], self.scheme.value

    def offer_starts(self, no_network: str) -> None:
        """Both starts side by side, or minao alone where there is a reason for it."""
        self.start.tooltips = [TIPS[0], no_network, no_network] if no_network else list(TIPS)
        self.start.disabled = bool(no_network)
        self.start.value = MINAO if no_network else BOTH

    def offer_builds(self, paths: Mapping[str, ScfPath], first: bool) -> None:
        """The slider's range; at `first` it stands where every start can be seen."""
        least = min(path.before for path in paths.values())
        most = max(int(path.builds[-1]) for path in paths.values())
        slider = self.builds
        slider.min, slider.max = min(least, slider.min), max(most, slider.max)
        if first:
            slider.value = max(path.before for path in paths.values())
        slider.min, slider.max = least, most

    def enable(self, enabled: bool) -> None:
        """Whether there are densities to step through."""
        for control in (self.builds, *self.steps.values()):
            control.disabled = not enabled

    def _step_button(self, text: str) -> Button:
        tip, leads = STEPS[text]
        width = "70px" if text == "step ›" else "38px"
        return button(text, lambda: self._go(leads), width, tooltip=tip)

    def _go(self, leads: Callable[[int, int, int], int]) -> None:
        slider = self.builds
        slider.value = leads(slider.value, slider.min, slider.max)

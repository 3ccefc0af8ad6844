"""The SCF stepper: how a density becomes its own, iteration by iteration, from either start."""

import threading
import time

from ipywidgets import HTML, Button, Layout, VBox
from matplotlib.figure import Figure

from qptlab.dft.scf_path import ScfPath
from qptlab.lab.describe import CSS, status_html
from qptlab.lab.live_plot import image_html, png, style
from qptlab.lab.plane import Plane
from qptlab.lab.refresher import Refresher
from qptlab.lab.runner import Runner, one_sentence
from qptlab.lab.scf_controls import ScfControls
from qptlab.lab.scf_plots import (
    CONVERGENCE_PX,
    ITERATION_PX,
    convergence_figure,
    iteration_figure,
    step_words,
)
from qptlab.lab.still import Still, display_with_stills
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.scf_starts import ScfStarts
from qptlab.theory import Theory

WORKING = "computing the SCF"
HEIGHT_PX = CONVERGENCE_PX[1] + ITERATION_PX[1]
OWN_CSS = f"""
.qptlab-scf .qptlab-status {{ white-space: normal; height: auto; min-height: 26px;
  line-height: 26px; }}
.qptlab-scf-picture {{ display: flex; flex-flow: column; align-items: center; color: #5f5f5f;
  justify-content: center; width: {CONVERGENCE_PX[0]}px; max-width: 100%; height: {HEIGHT_PX}px;
  background: white; border-radius: 6px; font-size: 15px; line-height: normal; }}
.qptlab-scf-picture img {{ width: 100%; max-width: none; height: auto; display: block; }}
"""


class ScfPanel(VBox):
    """The path to the self-consistent density of one molecule, one iteration per click.

    `runner`: does the computing; its own thread by default. Every path is computed once, when it is
    first asked for; the slider only draws. Without the panel:

    >>> from qptlab.dft.scf_path import scf_path
    >>> path = scf_path(integrals(molecule, theory), scheme="diis")        # doctest: +SKIP
    >>> path.energy, path.commutator, path.gap, path.weights[3]            # doctest: +SKIP
    >>> scf_path(ints, ql.predict(model, molecule).dm, before=1)           # doctest: +SKIP
    """

    def __init__(self, runner: Runner | None = None) -> None:
        self.runner = Runner() if runner is None else runner
        self._lock = threading.RLock()
        self._starts: ScfStarts | None = None
        self._forget()
        self.run_button = Button(
            description="Run SCF", icon="play", button_style="primary", layout=Layout(width="104px")
        )
        self.run_button.on_click(lambda _: self.compute())
        self.controls = ScfControls(self._on_choice, self._poke, [self.run_button])
        self.status, self.picture = HTML(layout=Layout(width="100%")), HTML()
        self.stills = [Still(CONVERGENCE_PX), Still(ITERATION_PX)]
        choices, steps = self.controls.rows
        parts = [style(CSS + OWN_CSS), choices, self.status, steps, self.picture]
        super().__init__(parts, layout=Layout(width="100%"))
        for name in ("qptlab", "qptlab-scf"):
            self.add_class(name)
        self._refresher = Refresher(self._refresh, lambda: bool(self._working))
        self._refresher.follow(self.runner)
        self._refresh()

    def _ipython_display_(self) -> None:
        display_with_stills(self, self.stills)

    # -- what buttons and other panels call ----------------------------------------------------

    def figures(self) -> dict[str, Figure]:
        """What is shown now, by name, drawn anew.

        Raises:
            ValueError: nothing is shown.
        """
        with self._lock:
            starts, paths, plane = self._starts, self._paths(), self._plane
            if paths is None:
                raise ValueError("no SCF to save yet: press Run SCF")
            return step_figures(starts, paths, plane[1], self.controls.builds.value)

    def show(self, molecule: Molecule, theory: str | Theory, model: Network | None = None) -> None:
        """Turn to a molecule, of which nothing is computed yet; from any thread.

        Where it is shown already, with the very same network, all that is known of it stays.

        `model`: a network whose density is a second start, where it was made for this.

        Raises:
            ValueError: a theory that does not exist.
        """
        starts = ScfStarts(molecule, theory, model)
        with self._lock:
            if self._starts is not None and starts.about == self._starts.about:
                return
            self._forget()
            self._starts = None  # choices that change now are nobody's wish
            self.controls.offer_starts(starts.no_network)
            self._starts = starts
        self._poke()

    def compute(self) -> None:
        """Compute what is chosen, in the background; what is known already is only drawn."""
        with self._lock:
            starts = self._starts
            if starts is None:
                return
            self._wanted, self._error, self._working = True, "", None
            if self._paths() is None:
                work = self._working = (starts, *self.controls.choice)
                self._since = time.monotonic()
                self.runner.submit(WORKING, lambda: self._compute(work))
        self._poke()

    # -- in the runner's thread ----------------------------------------------------------------

    def _compute(self, work: tuple[ScfStarts, tuple[str, ...], str]) -> None:
        """What goes wrong here is this panel's to say, not that of the runner's other work."""
        starts, names, scheme = work
        error = ""
        if work is not self._working:  # another choice has been made since
            return
        try:
            starts.reference()
            for name in names:
                starts.path(name, scheme)
            if self._plane is None or self._plane[0] is not starts:
                starts.doing = "the molecule's plane"
                self._plane = starts, Plane.through(starts.molecule, starts.theory)
        except Exception as reason:
            error = one_sentence(reason)
        with self._lock:
            if work is self._working:
                self._working, self._error = None, error
        self._poke()

    # -- in the display thread -----------------------------------------------------------------

    def _refresh(self) -> None:
        try:
            self._draw()
        except Exception as error:  # a display that dies silently looks like one that is idle
            self.status.value = status_html("error", one_sentence(error))

    def _draw(self) -> None:
        with self._lock:
            starts, paths, scheme = self._starts, self._paths(), self.controls.scheme.value
            shown = (starts, *(paths or ()), scheme)
            if paths is not None and self._offered != shown:
                self.controls.offer_builds(paths, first=self._offered is None)
                self._offered = shown
            builds, plane = self.controls.builds.value, self._plane
            self.run_button.disabled = starts is None or bool(self._working) or paths is not None
            self.controls.enable(paths is not None)
            self.status.value = status_html(*self._sentence(paths))
            blank = bool(self._error) or (paths is None and not self._wanted)
            version = None if blank else (*shown, builds)
        if version == self._drawn or (paths is None and not blank):
            return
        if blank:
            self.picture.value = _box("iteration by iteration to the density that is its own")
        else:
            if version not in self._pictures:
                figures = step_figures(starts, paths, plane[1], builds)
                words = (
                    f"{starts.molecule.formula}: {step_words(paths, starts.reference(), builds)}"
                )
                self._pictures[version] = [png(figure) for figure in figures.values()], words
            self._show(*self._pictures[version])
        self._drawn = version

    def _show(self, pictures: list[bytes], words: str) -> None:
        """The pictures below each other; the words stand for all of them."""
        texts = [words, *[""] * (len(pictures) - 1)]
        self.picture.value = _box("".join(map(image_html, pictures, texts)))
        for still, picture in zip(self.stills, pictures, strict=True):
            still.keep(picture, words)

    def _paths(self) -> dict[str, ScfPath] | None:
        """The chosen paths, once all of them and the plane are known."""
        starts = self._starts
        if starts is None or self._plane is None or self._plane[0] is not starts:
            return None
        names, scheme = self.controls.choice
        paths = {name: starts.known(name, scheme) for name in names}
        return None if None in paths.values() else paths

    def _sentence(self, paths: dict[str, ScfPath] | None) -> tuple[str, str]:
        if self._starts is None:
            return "idle", "no molecule yet"
        if self._working:
            doing = self._working[0].doing if self.runner.job == WORKING else "waiting"
            return "busy", f"computing… {doing}, {time.monotonic() - self._since:.0f} s"
        if self._error:
            return "error", self._error
        about = f"{self._starts.molecule.formula}, {self._starts.theory}"
        if paths is None:
            return "idle", f"{about}: press Run SCF"
        ends = " · ".join(f"{name}: {path.message}" for name, path in paths.items())
        return "idle", f"{about} · {ends}"

    # -- small parts ---------------------------------------------------------------------------

    def _on_choice(self) -> None:
        """Once an SCF has been asked for, another choice is computed without asking."""
        if self._starts is not None and self._wanted:
            self.compute()
        self._poke()

    def _forget(self) -> None:
        """Nothing is known of a new molecule."""
        self._working: tuple[ScfStarts, tuple[str, ...], str] | None = None
        self._wanted, self._since, self._error = False, 0.0, ""
        self._plane: tuple[ScfStarts, Plane] | None = None
        self._offered, self._drawn = None, object()
        self._pictures: dict[tuple, tuple[list[bytes], str]] = {}

    def _poke(self) -> None:
        refresher = getattr(self, "_refresher", None)
        if refresher is not None:
            refresher.poke()


def scf_panel(molecule: Molecule, theory: str | Theory, model: Network | None = None) -> ScfPanel:
    """How the SCF of a molecule approaches its own density, and how near the network begins.

    It computes at once, in the background; the cell returns immediately.

    Args:
        theory: for example "pbe/def2-svp"; with a network, the network's.
        model: a network whose density is a second start.

    Raises:
        ValueError: a theory that does not exist.

    >>> import qptlab as ql                                            # doctest: +SKIP
    >>> model = ql.load("ethanol")                                     # doctest: +SKIP
    >>> scf_panel(ql.molecule("ethanol"), model.theory, model)         # doctest: +SKIP
    """
    panel = ScfPanel()
    panel.show(molecule, theory, model)
    panel.compute()
    return panel


def step_figures(
    starts: ScfStarts, paths: dict[str, ScfPath], plane: Plane, builds: int
) -> dict[str, Figure]:
    """What is shown of one iteration, by name."""
    reference = starts.reference()
    return {
        "scf-convergence": convergence_figure(paths, reference, builds),
        "scf-iteration": iteration_figure(paths, reference, plane, builds),
    }


def _box(inside: str) -> str:
    return f'<div class="qptlab-scf-picture">{inside}</div>'

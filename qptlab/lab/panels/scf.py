"""The SCF stepper: how a density becomes its own, iteration by iteration, from either start."""

from ipywidgets import Layout
from matplotlib.figure import Figure

from qptlab.dft.scf_path import ScfPath
from qptlab.errors import InputError
from qptlab.lab.html import joined
from qptlab.lab.html_widget import Html
from qptlab.lab.panels.base import CSS, BackgroundPanel, button, framed
from qptlab.lab.panels.describe import status_html
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Runner
from qptlab.lab.panels.scf_controls import ScfControls
from qptlab.lab.panels.signals import quietly
from qptlab.lab.panels.still import Still
from qptlab.lab.plots.live_plot import image_html, png, style
from qptlab.lab.plots.plane import Plane
from qptlab.lab.plots.scf import (
    CONVERGENCE_PX,
    ITERATION_PX,
    convergence_figure,
    iteration_figure,
    step_words,
)
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.scf_starts import ScfStarts
from qptlab.theory import Theory

WORKING = "computing the SCF"
SIZE_PX = CONVERGENCE_PX[0], CONVERGENCE_PX[1] + ITERATION_PX[1]


class ScfPanel(BackgroundPanel):
    """The path to the self-consistent density of one molecule, one iteration per click.

    `runner`: does the computing; its own thread by default. Every path is computed once, when it is
    first asked for; the slider only draws. Without the panel:

    >>> from qptlab.dft.scf_path import scf_path
    >>> path = scf_path(integrals(molecule, theory), scheme="diis")        # doctest: +SKIP
    >>> path.energy, path.commutator, path.gap, path.weights[3]            # doctest: +SKIP
    >>> scf_path(ints, ql.predict(model, molecule).dm, before=1)           # doctest: +SKIP
    """

    def __init__(self, runner: Runner | None = None) -> None:
        super().__init__(runner, classes=("qptlab", "qptlab-scf"), width="100%")
        self._forget(None)
        self.run_button = button("Run SCF", self.compute, "104px", "play", button_style="primary")
        self.controls = ScfControls(self._on_choice, self._refresher.poke, [self.run_button])
        self.status.layout, self.picture = Layout(width="100%"), Html()
        self.stills = [Still(CONVERGENCE_PX), Still(ITERATION_PX)]
        choices, steps = self.controls.rows
        self.children = [style(CSS), choices, self.status, steps, self.picture]
        self._refresher.follow(self.runner)
        self._refresh()

    # -- what buttons and other panels call ----------------------------------------------------

    def figures(self) -> dict[str, Figure]:
        """What is shown now, by name, drawn anew; `InputError` where nothing is."""
        with self._lock:
            starts, paths, plane = self._starts, self._paths(), self._plane
            if paths is None:
                raise InputError("no SCF to save yet: press Run SCF")
            return step_figures(starts, paths, plane[1], self.controls.builds.value)

    def show(self, molecule: Molecule, theory: str | Theory, model: Network | None = None) -> None:
        """Turn to a molecule, of which nothing is computed yet; from any thread.

        Where it is shown already, with the very same network, all that is known of it stays.

        `model`: a network whose density is a second start, where it was made for this.

        Raises:
            InputError: a theory that does not exist.
        """
        starts = ScfStarts(molecule, theory, model)
        if self._starts is None or starts.about != self._starts.about:
            in_display(lambda: self._turn_to_molecule(starts))

    def compute(self) -> None:
        """Compute what is chosen, in the background; what is known already is only drawn."""
        with self._lock:
            starts = self._starts
            if starts is None:
                return
            self._wanted, self._error, self._work = True, "", None
            chosen = None if self._paths() is not None else self.controls.choice
        if chosen is not None:
            self._submit(WORKING, lambda: self._compute(starts, *chosen))
        self._refresher.poke()

    def _on_choice(self) -> None:
        """Once an SCF has been asked for, another choice is computed without asking."""
        if self._starts is not None and self._wanted:
            self.compute()
        self._refresher.poke()

    def _forget(self, starts: ScfStarts | None) -> None:
        """Nothing is known of a new molecule."""
        self._look_at(starts)
        self._starts, self._wanted = starts, False
        self._plane: tuple[ScfStarts, Plane] | None = None
        self._offered, self._drawn = None, object()
        self._pictures: dict[tuple, tuple[list[bytes], str]] = {}

    # -- in the runner's thread ----------------------------------------------------------------

    def _compute(self, starts: ScfStarts, names: tuple[str, ...], scheme: str) -> None:
        starts.reference()
        for name in names:
            starts.path(name, scheme)
        if self._plane is None or self._plane[0] is not starts:
            starts.doing = "the molecule's plane"
            self._plane = starts, Plane.through(starts.molecule, starts.theory)

    # -- in the display thread -----------------------------------------------------------------

    def _draw(self) -> None:
        with self._lock:
            starts, paths, scheme = self._starts, self._paths(), self.controls.scheme.value
            shown = (starts, *(paths or ()), scheme)
            if paths is not None and self._offered != shown:
                self.controls.offer_builds(paths, first=self._offered is None)
                self._offered = shown
            builds, plane = self.controls.builds.value, self._plane
            self.run_button.disabled = starts is None or self._work is not None or paths is not None
            self.controls.enable(paths is not None)
            self.status.value = status_html(*self._sentence(paths))
            blank = bool(self._error) or (paths is None and not self._wanted)
            version = None if blank else (*shown, builds)
        if version == self._drawn or (paths is None and not blank):
            return
        inside = "iteration by iteration to the density that is its own"
        if not blank:
            if version not in self._pictures:
                figures = step_figures(starts, paths, plane[1], builds)
                told = step_words(paths, starts.reference(), builds)
                words = f"{starts.molecule.formula}: {told}"
                self._pictures[version] = [png(figure) for figure in figures.values()], words
            pictures, words = self._pictures[version]
            # the words of the first stand for all of them
            said = [words, *("" for _ in pictures[1:])]
            inside = joined(map(image_html, pictures, said))
            for still, picture in zip(self.stills, pictures, strict=True):
                still.keep(picture, words)
        self.picture.value = framed(SIZE_PX, "qptlab-scf-picture", inside)
        self._drawn = version

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
        if self._work is not None:
            doing = self._starts.doing if self.runner.job == WORKING else "waiting"
            return "busy", f"computing… {doing}, {self._work.seconds:.0f} s"
        if self._error:
            return "error", self._error
        about = f"{self._starts.molecule.formula}, {self._starts.theory}"
        if paths is None:
            return "idle", f"{about}: press Run SCF"
        ends = " · ".join(f"{name}: {path.message}" for name, path in paths.items())
        return "idle", f"{about} · {ends}"

    def _turn_to_molecule(self, starts: ScfStarts) -> None:
        with self._lock, quietly():
            self.controls.offer_starts(starts.no_network)
            self._forget(starts)
        self._refresher.poke()


def scf_panel(molecule: Molecule, theory: str | Theory, model: Network | None = None) -> ScfPanel:
    """How the SCF of a molecule approaches its own density, and how near the network begins.

    It computes at once, in the background; the cell returns immediately.

    Args:
        theory: for example "pbe/def2-svp"; with a network, the network's.
        model: a network whose density is a second start.

    Raises:
        InputError: a theory that does not exist.

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

"""The workbench: choose a molecule and a theory, train a network on them, look at its orbitals."""

import functools
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ipywidgets import HBox, Layout, Tab

from qptlab.dft.compiling import in_background
from qptlab.errors import InputError
from qptlab.lab.panels.base import BackgroundPanel
from qptlab.lab.panels.choices import Choices
from qptlab.lab.panels.export import ExportPanel
from qptlab.lab.panels.gradients import GradientPanel
from qptlab.lab.panels.orbital_feed import DRAWN_AT, OrbitalFeed
from qptlab.lab.panels.refresher import in_display
from qptlab.lab.panels.runner import Run
from qptlab.lab.panels.runs import RunsPanel
from qptlab.lab.panels.scf import ScfPanel
from qptlab.lab.panels.setup import Setup, build, compile_ahead
from qptlab.lab.panels.signals import by_hand
from qptlab.lab.panels.train import TrainPanel
from qptlab.lab.views.small_widgets import Keys
from qptlab.molecule import Molecule
from qptlab.qpt.training.run import Training
from qptlab.reference import pyscf_energy, pyscf_fock
from qptlab.theory import Theory

RUNS = Path("qptlab-runs")
"""Where the workbench keeps its runs, below the folder that the kernel runs in."""
COMPILE_AFTER = 2.0
"""Seconds after a choice, in which the panel is drawn or the next choice is made."""
SIDE_BY_SIDE = Layout(flex_flow="row wrap", grid_gap="12px", align_items="flex-start")
BuildRun = Callable[[Setup, Path | None, Callable[[str], None]], Run]


class Workbench(BackgroundPanel):
    """Everything in one panel; all work is done in the background by the training panel's thread.

    `build(setup, folder, say)` makes the Training when Start is pressed; its runs are kept in
    `folder`, so that a killed kernel loses no more than the last 20 seconds.

    Keys, unless someone is typing: S starts and stops, P pauses and resumes, D draws the orbitals,
    1 to 5 turn to the pages.

    The same without it: `run = ql.Training(ql.BlockQPT.create(molecule, theory),
    ql.wiggle(molecule), ql.TrainConfig(minutes=5), out=folder)` and `for log in run: …`.
    """

    def __init__(self, build: BuildRun = build, folder: Path | None = RUNS) -> None:
        panel = TrainPanel(self._open)
        super().__init__(panel.runner, classes=("qptlab", "qptlab-workbench"))
        self._build, self._folder = build, folder
        self._compiling: threading.Timer | None = None
        self._opened: Run | None = None
        self._trained: tuple[Molecule, Theory] | None = None
        self.choices, self.panel = Choices(), panel
        self.orbitals = OrbitalFeed(self.runner)
        self.runs = RunsPanel(folder or RUNS, self.open_run)
        self.stepper = ScfPanel(runner=self.runner)
        self.gradients = GradientPanel(runner=self.runner)
        shown = {"SCF": self.stepper, "gradients": self.gradients, "runs": self.runs}
        self.exports = ExportPanel(self.orbitals, shown)
        self.orbitals.layout = Layout(flex="1 1 490px", min_width="490px", max_width="900px")
        pages = {
            "Train": HBox([panel, self.orbitals], layout=SIDE_BY_SIDE),
            "SCF": self.stepper,
            "Gradients": self.gradients,
            "Runs": self.runs,
            "Export": self.exports,
        }
        self.tabs = Tab([*pages.values()], titles=tuple(pages), layout=Layout(min_height="640px"))
        by_hand(self._turn_to_tab, self.tabs, trait="selected_index")
        self._show_molecule()
        self._show_stepper()
        self._compile_soon()
        self.choices.changed.connect(self._changed)
        self.panel.turned.connect(self._turn)
        self.shortcuts = Keys(self._actions())
        self.children = [self.choices, self.tabs, self.shortcuts]
        self.stills = [*self.panel.stills, *self.stepper.stills, *self.gradients.stills]

    @property
    def run(self) -> Run | None:
        """The Training, or None before Start has made it."""
        return self.panel.run

    @property
    def setup(self) -> Setup:
        """What is chosen."""
        return self.choices.setup()

    def open_run(self, folder: Path) -> None:
        """Load a run from disk: its history is shown, and Start goes on with it."""
        self.runner.submit(f"opening {folder.name}", lambda: self._load(folder))

    def _actions(self) -> dict[str, Callable[[], None]]:
        """What single letters and digits do."""
        pages = {str(i + 1): partial(self._turn_to, i) for i in range(len(self.tabs.children))}
        actions = {
            "s": lambda: self.panel.press("Start", "Stop"),
            "p": lambda: self.panel.press("Pause", "Resume"),
            "d": self.orbitals.draw.click,
        }
        return actions | pages

    def _turn_to(self, page: int) -> None:
        self.tabs.selected_index = page

    def _show_molecule(self) -> None:
        chosen = self.choices.molecule
        self.orbitals.show_molecule(chosen.name, chosen.molecule)

    def _changed(self) -> None:
        """Another choice: what was opened is no longer what Start would begin."""
        if self._opened is not None and self._chosen() != self._trained:
            self._opened = None
        if self.choices.molecule.molecule is not self.orbitals.molecule:
            self._show_molecule()
        self._show_stepper()
        self._compile_soon()

    def _compile_soon(self) -> None:
        """Compile for what is chosen, once nobody has chosen anything else for a while."""
        if self._compiling is not None:
            self._compiling.cancel()
        if self._build is not build or self._chosen() is None:
            return  # another way to make a Training may compile something else
        self._compiling = threading.Timer(
            COMPILE_AFTER, in_background, [partial(compile_ahead, self.setup)]
        )
        self._compiling.daemon = True
        self._compiling.start()

    def _show_stepper(self) -> None:
        """The SCF of what is chosen, from the network too where that is what it was trained on."""
        if (chosen := self._chosen()) is not None:
            trained = self._trained == chosen and self.run is not None
            self.stepper.show(*chosen, self.run.model if trained else None)

    def _chosen(self) -> tuple[Molecule, Theory] | None:
        """Molecule and theory; None where there is no such theory, which the choices say."""
        try:
            return self.setup.molecule, self.setup.theory
        except ValueError:
            return None

    def _turn_to_tab(self) -> None:
        if self.tabs.children[self.tabs.selected_index] is self.runs:
            self.runs.refresh()

    # -- in the training thread ----------------------------------------------------------------

    def _open(self) -> Run:
        setup = self.setup
        run, self._opened = self._opened, None
        if run is None:
            run = self._build(setup, self._folder, self.panel.say)
        self.gradients.show(run)
        self._trained = setup.molecule, setup.theory
        in_display(lambda: self.orbitals.begin(run, *self._trained, setup.n_validation))
        return run

    def _load(self, folder: Path) -> None:
        if self.runner.active or self.runner.state == "paused":
            raise InputError("stop the training before opening another run")
        minutes = self.choices.minutes.value
        run = Training.resume(folder, reference=pyscf_energy, labels=pyscf_fock, minutes=minutes)
        self.runner.job_message = run.message
        in_display(lambda: self._take_over(run))
        self.orbitals.draw_orbitals()

    # -- in the display thread -----------------------------------------------------------------

    def _take_over(self, run: Run) -> None:
        subject, level = run.sampler.molecule, run.model.theory  # of a mixture the first
        self._opened = None
        self.choices.offer(subject, level)
        self.orbitals.begin(run, subject, level, run.config.n_validation)
        self._opened, self._trained = run, (subject, level)
        self.panel.adopt(run)

    def _turn(self) -> None:
        """Lock the choices while they are in use."""
        runner = self.runner
        self.choices.lock(runner.active or runner.state == "paused")
        if not runner.active:
            self.runs.refresh()
        if runner.state in DRAWN_AT and runner.latest is not None:
            self._show_stepper()


@functools.cache
def workbench() -> Workbench:
    """The workbench as one panel: choose, press Start, watch, turn the orbitals.

    One kernel has one workbench: running the cell again, after the page has been reloaded for
    example, shows the same one with its training as it is now.
    """
    return Workbench()

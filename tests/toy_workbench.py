"""A workbench whose training is in miniature: nothing is computed, everything can be pressed."""

import html
import re
import time
from types import SimpleNamespace

from waiting import wait_until

from qptlab.lab.workbench import Workbench


class Toy:
    """A training in miniature that predicts its own name."""

    def __init__(self, setup, folder=None, say=None):
        self.setup, self.model = setup, None
        self.lr, self.status, self.history, self.baselines_ha = 1e-3, "", [], None

    def __iter__(self):
        self.status = "training"
        while True:
            time.sleep(0.002)
            step = len(self.history) + 1
            self.history.append(
                SimpleNamespace(step=step, loss=-0.1, lr=self.lr, samples=step, val_error_ha=None)
            )
            yield self.history[-1]

    def predict(self, molecule, refine=0):
        return f"prediction for {molecule.formula}"

    def validation_geometry(self, index):
        return self.setup.molecule.with_positions(
            self.setup.molecule.positions + 0.01 * (index + 1)
        )


def workbench(build=Toy, live=False):
    bench = Workbench(build, folder=None)
    bench.orbitals.live.value = live
    return bench


def status(bench):
    return html.unescape(re.sub(r"<[^>]+>", "", bench.panel.status.value))


def press(bench, text):
    wait_until(lambda: not bench.panel.buttons[text].disabled)
    bench.panel.buttons[text].click()


def elements(bench):
    return [atom["elem"] for atom in bench.orbitals.panel.view.atoms]


def started(build=Toy, live=False):
    bench = workbench(build, live)
    press(bench, "Start")
    wait_until(lambda: bench.run is not None and len(bench.run.history) > 3)
    return bench


def end(bench):
    """Stop, and wait for the last drawing, which would otherwise reach the next test."""
    runner = bench.panel.runner
    runner.stop()
    wait_until(lambda: runner.state == "stopped" and not runner.job and not runner._jobs)


def stopped_after_a_few_steps(build=Toy):
    bench = started(build)
    press(bench, "Stop")
    return bench

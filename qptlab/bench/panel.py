"""The bench `panel`: what an open panel costs a training, in a real kernel, beside a bare loop."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from jupyter_client.manager import run_kernel

from qptlab.bench.options import Options
from qptlab.bench.race import Race, compile_seconds
from qptlab.bench.row import Raced
from qptlab.bench.table import Table, goal, goals_table, race_table
from qptlab.lab.panels.orbital_feed import OrbitalFeed
from qptlab.lab.panels.train import TrainPanel
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training

TURN_S = 6.0
WARM_STEPS = 5
SIGMA_BOHR = 0.05
FIXED = TrainConfig(geometries=16, n_validation=1)
"""The same geometries throughout: steps that prepare or validate would differ between the turns."""
LEAST_SPEED = 0.95
LONGEST_S = 3600.0
TITLE = "a training step with the panel open and orbitals live, beside a bare loop"
COLUMNS = {
    "speed": lambda row: f"{100 * row['speed']:.0f} %",
    "plots": "{plots_drawn}",
    "orbitals": "{orbitals_drawn}",
}


@dataclass(frozen=True, kw_only=True)
class PanelRow(Raced):
    """Seconds of a step with the panel open and live orbitals (ours) and in a bare loop (peer)."""

    operation: str = "training step"
    speed: float  # 1 / ratio, which is a median over pairs of turns
    plots_drawn: int  # meanwhile
    orbitals_drawn: int

    def progress(self) -> str:
        return f"  speed with the panel open {100 * self.speed:.0f} % of a bare loop's"


def rows(options: Options) -> Iterator[PanelRow]:
    for case, theory in options.pairs():
        yield PanelRow(
            **options.known(case, theory), **_in_a_kernel(case, str(theory), options.rounds)
        )


def summary(rows: list[PanelRow]) -> dict:
    slowest = max(row.ratio for row in rows)
    return {"goals": [goal("seconds a step, panel / bare loop, largest", 1 / LEAST_SPEED, slowest)]}


def tables(report: dict) -> list[Table]:
    return [race_table(TITLE, COLUMNS, report["rows"]), goals_table(report)]


def _in_a_kernel(case: str, theory: str, rounds: int) -> dict:
    """What `measured` gives where widgets send real messages; nobody reads them but a socket."""
    printed: list[str] = []

    def hear(message: dict) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            printed.append(message["content"]["text"])

    with run_kernel(kernel_name="python3") as client:
        reply = client.execute_interactive(
            f"import json; from qptlab.bench.panel import measured; "
            f"print(json.dumps(measured({case!r}, {theory!r}, {rounds})))",
            output_hook=hear,
            timeout=LONGEST_S,
        )
    content = reply["content"]
    if content["status"] != "ok":
        raise RuntimeError(f"the kernel failed: {content.get('ename')}: {content.get('evalue')}")
    return json.loads("".join(printed))


def measured(case: str, theory: str, rounds: int) -> dict:
    """What a row has besides its case, theory and threads.

    One training goes on all the time, in turns by the panel's thread and by `for log in run`.
    """
    subject = molecule(case)
    run = Training(BlockQPT.create(subject, theory), wiggle(subject, sigma=SIGMA_BOHR), FIXED)
    panel = TrainPanel(lambda: run)
    orbitals = OrbitalFeed(panel.runner)
    orbitals.show_molecule(case, subject)
    orbitals.begin(run, subject, run.model.theory, FIXED.n_validation)
    drawn: list[object] = []
    orbitals.panel.view.observe(drawn.append, "field")
    turns = {"panel": partial(_turn_with_panel, run, panel), "loop": partial(_turn_of_loop, run)}
    compiling = compile_seconds(lambda: [turn() for turn in turns.values()])
    walls, cores = ({name: [] for name in turns} for _ in range(2))
    for number in range(rounds):
        # who begins alternates: a machine that slows down or speeds up favours neither
        for name in turns if number % 2 == 0 else reversed(turns):
            wall, used = turns[name]()
            walls[name].append(wall)
            cores[name].append(used)
    times = Race(walls, cores).compared("panel", "loop")
    # paired: on a shared machine two turns side by side are alike, two medians need not be
    pairs = zip(walls["panel"], walls["loop"], strict=True)
    ratio = statistics.median(ours / peer for ours, peer in pairs)
    draws = {"plots_drawn": panel.plot.draws, "orbitals_drawn": len(drawn)}
    return {**times, "compile_s": compiling, "ratio": ratio, "speed": 1 / ratio, **draws}


def _turn_with_panel(run: Training, panel: TrainPanel) -> tuple[float, float]:
    panel.start()
    _wait_for(lambda: panel.runner.active and panel.runner.steps_per_second > 0)
    measured = _seconds_a_step(run, time.sleep)
    panel.runner.stop()
    _wait_for(lambda: panel.runner.state == "stopped" and panel.runner.at_rest)
    return measured


def _turn_of_loop(run: Training) -> tuple[float, float]:
    steps = iter(run)
    for _ in range(WARM_STEPS):
        next(steps)

    def train(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            next(steps)

    measured = _seconds_a_step(run, train)
    steps.close()
    return measured


def _seconds_a_step(run: Training, spend: Callable[[float], None]) -> tuple[float, float]:
    """Mean wall seconds of a step over a turn, and the cores used meanwhile."""
    before, cpu, wall = len(run.history), time.process_time(), time.perf_counter()
    spend(TURN_S)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / (len(run.history) - before), cpu / wall


def _wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)

"""What a training is doing, in words and HTML: pure functions of a runner and its run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qptlab.lab.html import Markup, tag
from qptlab.lab.panels.runner import Run, Runner, one_sentence
from qptlab.lab.plots.axes import energy_text
from qptlab.lab.plots.training import REFINING_SHOWN
from qptlab.qpt.training.config import StepLog, TrainConfig
from qptlab.qpt.training.state import TrainState
from qptlab.units import MICROHARTREE_PER_HARTREE

NOTHING = "–"


@dataclass(frozen=True)
class Reading:
    """What a display shows of a run; None or empty where the run has no such thing.

    `unread`: what could not be read, and why; the training meets the same error and ends with it,
    or goes on without.
    """

    status: str = ""
    lr: float | None = None
    config: TrainConfig | None = None
    history: Sequence[StepLog] = ()
    baselines_ha: Mapping[str, Mapping[int, float]] | None = None
    state: TrainState | None = None
    unread: str = ""

    @classmethod
    def of(cls, run: Run | None) -> "Reading":
        """Everything that can be read of a run at this moment."""
        found, unread = {}, []
        for name in ("status", "lr", "config", "history", "baselines_ha", "state"):
            try:
                if (value := getattr(run, name, None)) is not None:
                    found[name] = value
            except Exception as error:  # whatever a property of somebody's own run may raise
                unread.append(f"cannot show {name}: {one_sentence(error)}")
        return cls(**found, unread=" · ".join(unread))

    @property
    def last_validation(self) -> Mapping[int, float]:
        """Errors (Ha) by number of refining iterations; empty before the first validation."""
        return next((log.val_error_ha for log in reversed(self.history) if log.val_error_ha), {})


def status_line(runner: Runner, doing: str, seconds: float) -> tuple[str, str]:
    """(kind, sentence) for the status line; kind is idle, busy, on, held or error.

    `doing`: what the run itself says it does (`run.status`); `seconds`: for how long already.
    """
    step = f" at step {grouped(runner.latest.step)}" if runner.latest is not None else ""
    halting = runner.state in ("pausing", "stopping")
    if runner.job:
        first = f"{runner.state} after this: " if halting else ""
        return "busy", f"{first}{runner.job}… {seconds:.0f} s"
    if runner.message or runner.job_message:
        return "error", " · ".join(filter(None, [runner.message, runner.job_message]))
    if halting:
        return "busy", f"{runner.state} after this step ({doing or 'building the network'})…"
    if runner.state in ("starting", "running"):
        if doing == "training":
            return "on", "training"
        return "busy", f"{doing or 'building the network'}… {seconds:.0f} s"
    if runner.state == "paused":
        return "held", f"paused{step}: Resume goes on, Stop ends"
    if runner.state in ("stopped", "finished"):
        return "idle", f"{runner.state}{step}"
    return "idle", "ready: press Start"


def status_html(kind: str, sentence: str) -> Markup:
    """The status line; a turning ring shows that something goes on."""
    extra = " error" if kind == "error" else ""
    return tag("div", dot(kind), sentence, class_=f"qptlab-status{extra}", title=sentence)


def dot(kind: str) -> Markup:
    """The coloured dot in front of a sentence."""
    return tag("i", class_=f"qptlab-dot {kind}")


def sentence_html(sentence: str, error: bool = False) -> Markup:
    """A quiet sentence, or one about something wrong."""
    extra = " error" if error else ""
    return tag("div", sentence, class_=f"qptlab-sentence{extra}", title=sentence)


def name_html(name: str) -> Markup:
    """What stands in front of a control."""
    return tag("span", name, class_="qptlab-name")


def tiles_html(runner: Runner, run: Reading) -> Markup:
    """The current numbers in one row: progress, learning rate in use, errors beside DIIS."""
    log, rate = runner.latest, runner.steps_per_second
    learning_rate = log.lr if log else run.lr
    speed = f"{rate:.{0 if rate >= 9.95 else 1}f} a second" if rate else ""
    tiles = [
        _tile("step", grouped(log.step) if log else NOTHING, speed),
        _time_tile(runner, run.config),
        _tile("learning rate", f"{learning_rate:.2g}" if learning_rate else NOTHING, "in use"),
    ]
    errors = run.last_validation
    diis = (run.baselines_ha or {}).get("diis", {})
    for count in REFINING_SHOWN:
        name = f"error, {count} refining" if count else "error, no refining"
        below = f"DIIS: {energy_text(diis[count])}" if count in diis else ""
        tiles.append(_tile(name, micro(errors.get(count)), below, "wide"))
    return tag("div", *tiles, class_="qptlab-tiles")


def micro(energy_ha: float | None) -> str:
    """An error in microhartree, to three digits: `0.031 µHa`, `18.2 µHa`, `121 000 µHa`."""
    if energy_ha is None:
        return NOTHING
    if not math.isfinite(energy_ha):
        return "not a number"
    value = energy_ha * MICROHARTREE_PER_HARTREE
    if value < 1e-3:
        return "< 0.001 µHa"
    text = f"{value:.3g}" if value < 999.5 else f"{round(value, 2 - len(str(int(value))) + 1):,.0f}"
    return f"{text} µHa".replace(",", "\u2009")


def grouped(number: int) -> str:
    """`12345` as `12 345` with a thin space."""
    return f"{number:,}".replace(",", "\u2009")


def clock(seconds: float) -> str:
    """`75` as `1:15`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _time_tile(runner: Runner, config: TrainConfig | None) -> Markup:
    """What is left while a run with a limit trains, otherwise what has passed."""
    log, rate, seconds = runner.latest, runner.steps_per_second, runner.seconds
    if log is None:
        return _tile("time", NOTHING)
    minutes, steps = getattr(config, "minutes", None), getattr(config, "steps", None)
    ends = [60 * minutes - seconds] if minutes else []
    ends += [(steps - log.step) / rate] if steps and rate else []
    if not ends or not (runner.active or runner.state == "paused"):
        return _tile("time", clock(seconds), "of training")
    left = max(0.0, min(ends))
    # to two digits: an estimate is no better
    count = f"≈ {grouped(int(float(f'{left * rate:.2g}')))} steps" if rate else ""
    return _tile("time left", clock(left), count)


def _tile(name: str, value: str, below: str = "", kind: str = "") -> Markup:
    inside = tag("span", name), tag("b", value), tag("span", below)
    return tag("div", *inside, class_=f"qptlab-tile {kind}")

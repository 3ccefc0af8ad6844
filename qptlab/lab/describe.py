"""What a training is doing, in words and HTML: pure functions of a runner and its run."""

import math
from html import escape
from typing import Any

from qptlab.lab.plots import energy_text
from qptlab.lab.runner import Runner
from qptlab.lab.still import CSS as STILL_CSS
from qptlab.units import MICROHARTREE_PER_HARTREE

CSS = (
    """
.qptlab { color: var(--jp-ui-font-color1, #222); padding: 2px 4px; }
.qptlab .widget-button { border-radius: 5px; }
.qptlab .widget-html-content { flex: 1 1 auto; min-width: 0; }
.qptlab-status { font-size: 15px; line-height: 26px; height: 26px; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
.qptlab-status.error { color: #b3261e; }
.qptlab-dot { display: inline-block; width: 11px; height: 11px; margin: 0 9px -1px 3px;
  border-radius: 50%; background: #9a9a9a; box-sizing: border-box; }
.qptlab-dot.on { background: #009E73; }
.qptlab-dot.held { background: #E69F00; }
.qptlab-dot.error { background: #b3261e; }
.qptlab-dot.busy { background: none; border: 2.5px solid #0072B2; border-top-color: transparent;
  animation: qptlab-turn 0.8s linear infinite; }
@keyframes qptlab-turn { to { transform: rotate(360deg); } }
.qptlab-tiles { display: flex; gap: 8px; width: 100%; font-variant-numeric: tabular-nums; }
.qptlab-tile { flex: 1 1 0; min-width: 0; height: 68px; padding: 5px 10px; box-sizing: border-box;
  border-radius: 6px; background: var(--jp-layout-color2, #f3f3f3); overflow: hidden;
  white-space: nowrap; }
.qptlab-tile.wide { flex-grow: 1.85; }
.qptlab-tile b { display: block; font-size: 20px; line-height: 25px; font-weight: 600; }
.qptlab-tile span { display: block; font-size: 12px; line-height: 15px;
  color: var(--jp-ui-font-color2, #5f5f5f); }
.qptlab-plot { background: white; border-radius: 6px; overflow: hidden; }
.qptlab-left { container-type: inline-size; }
@container (max-width: 690px) {
  .qptlab-tiles { gap: 5px; }
  .qptlab-tile { padding: 5px 7px; }
  .qptlab-tile b { font-size: 16px; }
  .qptlab-tile span { font-size: 11px; }
}
.qptlab-name { font-size: 14px; line-height: 28px; white-space: nowrap; margin: 0 3px 0 8px; }
.qptlab-own { align-items: center; gap: 10px; margin: 2px 0 2px 8px; }
.qptlab-drop { box-sizing: border-box; width: 440px; font: 12px/1.4 monospace; padding: 4px 8px;
  resize: none; border: 1.5px dashed var(--jp-border-color1, #bdbdbd); border-radius: 6px;
  color: inherit; background: var(--jp-layout-color1, white); }
.qptlab-drop:disabled { opacity: 0.6; }
.qptlab-drop.over { border-color: #0072B2; background: #0072B21a; }
.qptlab-sentence { font-size: 13px; line-height: 20px; color: var(--jp-ui-font-color2, #5f5f5f);
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; margin: 0 8px; }
.qptlab-sentence.error { color: var(--jp-error-color1, #b3261e); white-space: normal; }
.qptlab-run { display: grid; gap: 8px; font-size: 13px; line-height: 26px; white-space: nowrap;
  font-variant-numeric: tabular-nums; align-items: center; }
.qptlab-run span { overflow: hidden; text-overflow: ellipsis; }
.qptlab-run b { width: 12px; height: 12px; border-radius: 3px; }
.qptlab-caption { display: flex; align-items: center; height: 34px; margin-left: 8px;
  font-size: 14px; line-height: 17px; overflow: hidden; color: var(--jp-ui-font-color2, #5f5f5f); }
"""
    + STILL_CSS
)

NOTHING = "–"


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


def status_html(kind: str, sentence: str) -> str:
    """The status line; a turning ring shows that something goes on."""
    extra = " error" if kind == "error" else ""
    return (
        f'<div class="qptlab-status{extra}" title="{escape(sentence)}">'
        f'<i class="qptlab-dot {kind}"></i>{escape(sentence)}</div>'
    )


def sentence_html(sentence: str, error: bool = False) -> str:
    """A quiet sentence, or one about something wrong."""
    extra = " error" if error else ""
    return (
        f'<div class="qptlab-sentence{extra}" title="{escape(sentence)}">{escape(sentence)}</div>'
    )


def name_html(name: str) -> str:
    """What stands in front of a control."""
    return f'<span class="qptlab-name">{escape(name)}</span>'


def tiles_html(
    runner: Runner, learning_rate: float | None, refining: tuple[int, ...] = (0, 3)
) -> str:
    """The current numbers in one row: progress, learning rate in use, errors beside DIIS."""
    log, run = runner.latest, runner.run
    rate = runner.steps_per_second
    tiles = [
        _tile("step", grouped(log.step) if log else NOTHING, speed(rate)),
        _time_tile(runner, read(run, "config")),
        _tile("learning rate", f"{learning_rate:.2g}" if learning_rate else NOTHING, "in use"),
    ]
    diis = (read(run, "baselines_ha") or {}).get("diis", {})
    errors = last_validation(run)
    for count in refining:
        name = f"{count} refining" if count else "no refining"
        tiles.append(
            _tile(
                f"error, {name}",
                micro(errors.get(count)),
                f"DIIS: {energy_text(diis[count])}" if count in diis else "",
                "wide",
            )
        )
    return f'<div class="qptlab-tiles">{"".join(tiles)}</div>'


def read(run: Any, name: str) -> Any:
    """An attribute of a run, or None where it has none or cannot tell: the display goes on."""
    try:
        return getattr(run, name, None)
    except Exception:  # the training meets the same error, ends with it, and is then asked why
        return None


def last_validation(run: Any) -> dict[int, float]:
    """Errors (Ha) by number of refining iterations of the latest validation; empty before one."""
    history = read(run, "history") or []
    return next((log.val_error_ha for log in reversed(history) if log.val_error_ha), {})


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


def speed(rate: float) -> str:
    """Steps per second, to two digits; nothing where it is not known."""
    return f"{rate:.{0 if rate >= 9.95 else 1}f} a second" if rate else ""


def clock(seconds: float) -> str:
    """`75` as `1:15`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _time_tile(runner: Runner, config: Any) -> str:
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
    count = f"≈ {grouped(_two_digits(left * rate))} steps" if rate else ""
    return _tile("time left", clock(left), count)


def _two_digits(value: float) -> int:
    """Rounded to two digits: an estimate is no better."""
    return int(float(f"{value:.2g}"))


def _tile(name: str, value: str, below: str = "", kind: str = "") -> str:
    inside = f"<span>{name}</span><b>{value}</b><span>{below}</span>"
    return f'<div class="qptlab-tile {kind}">{inside}</div>'

"""Pictures laid out by hand, in pixels from the top left, with numbers as colours and as text."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from qptlab.lab.plots.axes import FAINT, INK, LABEL_SIZE, TICK_SIZE

DIVERGING = LinearSegmentedColormap.from_list(
    "diverging", ["#D55E00", "#FFFFFF", "#0072B2"]
).with_extremes(bad="#9a9a9a")


def blank(size_px: tuple[int, int]) -> Figure:
    """An empty figure of so many pixels."""
    return Figure(figsize=(size_px[0] / 100, size_px[1] / 100), dpi=100)


def pixel_axes(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Axes at left, top, width and height in pixels, the top counted from above."""
    left, top, width, height = box
    total_width, total_height = figure.get_size_inches() * 100
    axes = figure.add_axes(
        (
            left / total_width, 1 - (top + height) / total_height,
            width / total_width, height / total_height,
        )
    )  # fmt: skip
    axes.tick_params(labelsize=TICK_SIZE, colors=INK, length=3, pad=2)
    axes.spines[["top", "right"]].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    return axes


def write(figure: Figure, x: float, y: float, text: str, heading: bool = False, **style) -> None:
    """Text centred at y pixels from the top."""
    width, height = figure.get_size_inches() * 100
    size, weight = (LABEL_SIZE + 1, "bold") if heading else (TICK_SIZE, "normal")
    style = {"color": INK, "fontsize": size, "fontweight": weight, "va": "center"} | style
    figure.text(x / width, 1 - y / height, text, **style)


def number(value: float, digits: int = 3) -> str:
    """A few digits and a true minus sign.

    >>> number(-0.01234), number(4.56e-7), number(4.56e-7, digits=2)
    ('−0.0123', '4.56e−7', '4.6e−7')
    """
    if not np.isfinite(value):
        return "not a number"
    plain = value == 0 or 1e-3 <= abs(value) < 10**digits
    if plain:
        return f"{value:.{digits}g}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(power)}".replace("-", "−")


def root(values: np.ndarray) -> np.ndarray:
    """Signed square roots: what is small is seen, too."""
    return np.sign(values) * np.sqrt(np.abs(values))

"""Pictures laid out by hand, in pixels from the top left, with numbers as colours and as text."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from qptlab.lab.plots.axes import INK, LABEL_SIZE, TICK_SIZE, style_axes

DIVERGING = LinearSegmentedColormap.from_list(
    "diverging", ["#D55E00", "#FFFFFF", "#0072B2"]
).with_extremes(bad="#9a9a9a")
Rectangle = tuple[float, float, float, float]


def blank(size_px: tuple[int, int]) -> Figure:
    """An empty figure of so many pixels."""
    return Figure(figsize=(size_px[0] / 100, size_px[1] / 100), dpi=100)


def pixel_axes(figure: Figure, box: Rectangle) -> Axes:
    """Axes at left, top, width and height in pixels, the top counted from above."""
    left, top, width, height = box
    across, down = figure.get_size_inches() * 100
    place = left / across, 1 - (top + height) / down, width / across, height / down
    axes = figure.add_axes(place)
    style_axes(axes)
    axes.tick_params(pad=2)
    return axes


def framed_axes(figure: Figure, box: Rectangle) -> Axes:
    """The same with lines all around and without ticks: room for a picture."""
    axes = pixel_axes(figure, box)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    return axes


def write(figure: Figure, x: float, y: float, text: str, heading: bool = False, **style) -> None:
    """Text centred at y pixels from the top."""
    width, height = figure.get_size_inches() * 100
    size, weight = (LABEL_SIZE + 1, "bold") if heading else (TICK_SIZE, "normal")
    style = {"color": INK, "fontsize": size, "fontweight": weight, "va": "center"} | style
    figure.text(x / width, 1 - y / height, text, parse_math=False, **style)


def number(value: float, digits: int = 3) -> str:
    """A few digits and a true minus sign.

    >>> number(-0.01234), number(4.56e-7), number(4.56e-7, digits=2)
    ('−0.0123', '4.56e−7', '4.6e−7')
    """
    if not np.isfinite(value):
        return "not a number"
    if value == 0 or 1e-3 <= abs(value) < 10**digits:
        return f"{value:.{digits}g}".replace("-", "−")
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(power)}".replace("-", "−")


def root(values: np.ndarray) -> np.ndarray:
    """Signed square roots: what is small is seen, too."""
    return np.sign(values) * np.sqrt(np.abs(values))

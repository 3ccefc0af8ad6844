"""What all plots have in common: colours, sizes, axes of energies, labels at the ends of lines."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

INK, GREY, FAINT = "#333333", "#5f5f5f", "#8a8a8a"
LABEL_SIZE, TICK_SIZE = 12, 11


def energy_text(energy_ha: float) -> str:
    """An energy in the unit that suits its size, to two digits: `3.2 µHa`, `1.6 mHa`, `40 nHa`."""
    units = {"Ha": 1.0, "mHa": 1e-3, "µHa": 1e-6, "nHa": 1e-9, "pHa": 1e-12}
    unit = next((name for name, size in units.items() if abs(energy_ha) >= 0.995 * size), "pHa")
    value = energy_ha / units[unit]
    return f"{value:.2g} {unit}" if abs(value) < 99.5 else f"{value:.0f} {unit}"


def energy_axis(axes: Axes, ticks: int, unit_ha: float = 1.0) -> None:
    """Energies on the log axis y, at most so many `ticks`; its numbers count `unit_ha` hartree."""
    axes.yaxis.set_major_locator(LogLocator(numticks=ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: energy_text(value * unit_ha)))
    axes.yaxis.minorticks_off()


def style_axes(axes: Axes) -> None:
    """Readable ticks, and no lines around the plot but those with ticks."""
    axes.tick_params(labelsize=TICK_SIZE, colors=INK, length=3)
    axes.spines[:].set_color(FAINT)
    axes.spines[["top", "right"]].set_visible(False)


def title_axes(axes: Axes, text: str, **style) -> None:
    """A bold title above the left end of the axes."""
    style = {"loc": "left", "fontsize": LABEL_SIZE, "color": INK, "fontweight": "bold"} | style
    # dollars in a name are no formula
    axes.set_title(text, parse_math=False, **style)


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write each label beside the right end of its line, moved apart where they would overlap."""
    ends = axes.yaxis.get_transform().transform(axes.get_ylim())
    ordered = sorted(labels, key=lambda label: label[0])
    values = axes.yaxis.get_transform().transform([value for value, _, _ in ordered])
    places = (values - ends[0]) / (ends[1] - ends[0])
    line = 1.32 * TICK_SIZE / 72 / (axes.get_position().height * axes.figure.get_figheight())
    heights = [line * (1 + text.count("\n")) for _, text, _ in ordered]
    for place, (_, text, colour) in zip(spread(places, heights), ordered, strict=True):
        axes.text(
            1.015, place, text, transform=axes.transAxes, color=colour, fontsize=TICK_SIZE,
            va="center", linespacing=1.15, parse_math=False,
        )  # fmt: skip


def spread(places: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Centres for labels of these heights: in the given (ascending) order, without overlap.

    Labels that would overlap are stacked, and the stack is centred on the mean of their places.
    """
    stacks: list[tuple[float, list[int]]] = []  # (centre, labels in it)
    for index in range(len(places)):
        stacks.append((places[index], [index]))
        while len(stacks) > 1:
            (low, under), (high, over) = stacks[-2:]
            room = sum(heights[i] for i in under + over) / 2
            if high - low >= room:
                break
            members = under + over
            stacks[-2:] = [(sum(places[i] for i in members) / len(members), members)]
    result = [0.0] * len(places)
    for centre, members in stacks:
        edge = centre - sum(heights[i] for i in members) / 2
        for i in members:
            result[i] = edge + heights[i] / 2
            edge += heights[i]
    return result

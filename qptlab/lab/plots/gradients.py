"""Pictures of backpropagation through DFT: pure functions from a `GradientChain` to a Figure."""

from itertools import groupby

import numpy as np
from ase.data import chemical_symbols
from matplotlib.axes import Axes
from matplotlib.colors import FuncNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from qptlab.dft.shells import Shells
from qptlab.lab.plots.axes import FAINT, GREY, INK, LABEL_SIZE
from qptlab.lab.plots.pixels import DIVERGING, blank, framed_axes, number, root, write
from qptlab.qpt.gradient_chain import LINKS, FiniteDifference, GradientChain

CHAIN_SIZE_PX = (720, 480)
SIDE = 112  # of a picture, pixels; those of places below too, y counted from the top
COLUMNS = (130, 282, 434, 586)
VALUES_TOP, SLOPES_TOP = 50, 288

SYMBOLS = {"dm": "D", "fock": "F", "delta_fock": "ΔF"}
UNITS = {"dm": "e⁻", "fock": "Ha", "delta_fock": "Ha"}
SLOPE_UNITS = {"dm": "Ha", "fock": "Ha/Ha", "delta_fock": "Ha/Ha"}
SLOPE_NAMES = {"dm": "∂E/∂D = F[D]", "fock": "∂E/∂F", "delta_fock": "∂E/∂ΔF"}
OPERATIONS = ("energy", "fill orbitals", "+ start", "network")


def pages(chain: GradientChain) -> dict[str, tuple[str, tuple[int, ...]]]:
    """{label: (weight name, leading indices)} of every picture of weights; one for each layer.

    Layers are stacked along the first axis; a matrix of each is looked at on its own.
    """
    found = {}
    for name, weights in chain.weights.items():
        for lead in np.ndindex(*weights.shape[:-2]):
            layer = "".join(f", layer {i + 1}" for i in lead)
            found[name.lstrip(".") + layer] = (name, lead)
    return found


def page(array: np.ndarray, lead: tuple[int, ...]) -> np.ndarray:
    """(row, column): one picture's share of a weight array; a vector is one row."""
    return np.atleast_2d(array[lead])


def largest(matrix: np.ndarray) -> tuple[int, int]:
    """Row and column of the element farthest from zero."""
    row, column = np.unravel_index(np.argmax(np.abs(np.nan_to_num(matrix))), matrix.shape)
    return int(row), int(column)


def pair(chain: GradientChain, name: str, weight: str) -> tuple[np.ndarray, np.ndarray]:
    """A link and the derivative by it, both as they are shown."""
    if name in LINKS:
        return chain.value(name), chain.slope(name)
    of, lead = pages(chain)[weight]
    return page(chain.value(of), lead), page(chain.slope(of), lead)


def chain_figure(
    chain: GradientChain, weight: str, mark: tuple[str, int, int] | None = None, heading: str = ""
) -> Figure:
    """Draw E ← D ← F ← ΔF ← weights above, and the derivative of E by each below.

    Args:
        weight: a label of `pages`.
        mark: the element to mark: a name of `LINKS` or "weight", row, column.
        heading: the line above.
    """
    figure = blank(CHAIN_SIZE_PX)
    _text(figure, 8, 14, heading, fontsize=LABEL_SIZE, fontweight="bold", ha="left")
    _draw_ends(figure, chain.energy)
    for column, name in zip(COLUMNS, (*LINKS, "weight"), strict=True):
        value, slope = pair(chain, name, weight)
        symbol, unit = SYMBOLS.get(name, "θ"), SLOPE_UNITS.get(name, "Ha")
        _title(figure, column, VALUES_TOP - 11, symbol)
        _title(figure, column, SLOPES_TOP - 29, SLOPE_NAMES.get(name, "∂E/∂θ"))
        norm = number(float(np.linalg.norm(slope)), digits=2)
        norm_text = f"norm {norm} {unit}".removesuffix(" Ha/Ha")
        _text(figure, column + SIDE / 2, SLOPES_TOP - 11, norm_text)
        # the unit of a derivative stands above it
        for top, matrix, of in (
            (VALUES_TOP, value, UNITS.get(name, "")),
            (SLOPES_TOP, slope, unit if unit == "Ha" else ""),
        ):
            axes = _picture(figure, column, top, matrix, of)
            if name in LINKS:
                _mark_atoms(axes, chain.shells, left=name == "dm")
            else:
                size = " × ".join(map(str, value.shape))
                _text(figure, column + SIDE / 2, top + SIDE + 10, size)
            if mark is not None and mark[0] == name:
                _mark_element(axes, *mark[1:])
    _draw_arrows(figure)
    _draw_caption(figure, weight, mark)
    return figure


def chain_words(chain: GradientChain, weight: str, heading: str = "") -> str:
    """The same in words, for those who do not see the picture."""
    energy = f"{chain.energy:.6f}".replace("-", "−")
    parts = [f"{heading}: E = {energy} Ha"]
    for name in (*LINKS, "weight"):
        _, slope = pair(chain, name, weight)
        row, column = largest(slope)
        what = SLOPE_NAMES.get(name, f"∂E/∂θ of {weight}")
        unit = SLOPE_UNITS.get(name, "Ha")
        parts.append(
            f"{what} has norm {number(float(np.linalg.norm(slope)))} {unit}, largest element "
            f"{number(float(slope[row, column]))} at [{row}, {column}]"
        )
    return "; ".join(parts) + "."


def comparison_text(result: FiniteDifference) -> str:
    """A finite difference in one sentence."""
    name = SYMBOLS.get(result.name, f"θ {result.name.lstrip('.')}")
    unit = SLOPE_UNITS.get(result.name, "Ha")
    place = ", ".join(map(str, result.index))
    text = (
        f"∂E/∂{name}[{place}] = {_digits(result.analytic)} {unit} by backpropagation, "
        f"{_digits(result.numerical)} by central difference (h = {number(result.step)}): "
    )
    difference = number(result.difference)
    if not result.agree:
        return (
            f"{text}they differ by {difference}, more than rounding and h² explain "
            f"({number(result.uncertainty)})"
        )
    digits = int(-np.log10(result.relative)) if result.relative else 16
    if digits < 1:
        return f"{text}both are zero to within {number(result.uncertainty)}"
    count = f"{digits} digit{'s' if digits > 1 else ''}"
    return f"{text}they agree to {count} (difference {difference})"


def _digits(value: float) -> str:
    """As many digits as a comparison may need."""
    text = f"{value:.10f}" if abs(value) >= 1e-3 else f"{value:.8e}"
    return text.replace("-", "−")


def _text(figure: Figure, x: float, y: float, text: str, **style) -> None:
    write(figure, x, y, text, **{"ha": "center"} | style)


def _title(figure: Figure, column: float, y: float, text: str) -> None:
    _text(figure, column + SIDE / 2, y, text, fontsize=LABEL_SIZE, fontweight="bold")


def _picture(figure: Figure, left: float, top: float, matrix: np.ndarray, unit: str) -> Axes:
    """A matrix in colours, and below it what they mean."""
    axes = framed_axes(figure, (left, top, SIDE, SIDE))
    scale = float(np.max(np.abs(np.nan_to_num(matrix)), initial=0.0))
    norm = FuncNorm((root, _square), vmin=-(scale or 1.0), vmax=scale or 1.0)
    axes.imshow(matrix, cmap=DIVERGING, norm=norm, aspect="auto", interpolation="nearest")
    below = top + SIDE + 28
    if scale == 0:
        _text(figure, left + SIDE / 2, below, "all zero", color=GREY)
        return axes
    bar = framed_axes(figure, (left, below - 5, 26, 10))
    bar.imshow(np.linspace(-1, 1, 64)[None], cmap=DIVERGING, aspect="auto")
    text = f"±{number(scale, digits=2)} {unit}".strip()
    _text(figure, left + 31, below, text, ha="left", color=GREY)
    return axes


def _square(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.asarray(values) ** 2


def _mark_atoms(axes: Axes, shells: Shells, left: bool) -> None:
    """A line between atoms and the symbol of each; neighbours too narrow for it are counted."""
    real = np.asarray(shells.real)
    atom, number, size = (np.asarray(x)[real] for x in (shells.atom, shells.number, shells.sizes))
    sizes = np.bincount(atom, weights=size).astype(int)
    symbols = [chemical_symbols[z] for z in number[np.unique(atom, return_index=True)[1]]]
    for edge in np.cumsum(sizes)[:-1] - 0.5:
        axes.axhline(edge, color=FAINT, linewidth=0.5, alpha=0.6)
        axes.axvline(edge, color=FAINT, linewidth=0.5, alpha=0.6)
    room = SIDE / sizes.sum()  # pixels for an orbital
    groups = list(zip(symbols, sizes, strict=True))
    if any(size * room < 9 + 6 * len(symbol) for symbol, size in groups):
        together = [(s, [size for _, size in g]) for s, g in groupby(groups, key=lambda g: g[0])]
        groups = [(f"{len(g)} {s}" if len(g) > 1 else s, sum(g)) for s, g in together]
    ends = np.cumsum([size for _, size in groups])
    places = [
        (end - size / 2 - 0.5, text)
        for end, (text, size) in zip(ends, groups, strict=True)
        if size * room >= 4 + 9 * len(text)
    ]
    ticks = [place for place, _ in places], [text for _, text in places]
    axes.tick_params(length=0, pad=3)
    axes.set_xticks(*ticks)
    if left:
        # turned, longer names have room too
        axes.set_yticks(*ticks)
        for label in axes.get_yticklabels():
            label.set(rotation=90 if len(label.get_text()) > 2 else 0, va="center")


def _mark_element(axes: Axes, row: int, column: int) -> None:
    """A square around an element, at least large enough to be seen."""
    rows, columns = axes.images[0].get_array().shape
    size = 72 / 100 * max(9.0, 1.4 * SIDE / max(rows, columns))  # points
    for colour, line in (("white", 3.2), ("#000000", 1.4)):
        axes.plot(
            column, row, marker="s", markersize=size, markerfacecolor="none",
            markeredgecolor=colour, markeredgewidth=line, clip_on=False,
        )  # fmt: skip


def _draw_ends(figure: Figure, energy: float) -> None:
    """The energy, where prediction ends and backpropagation begins."""
    _text(figure, 8, VALUES_TOP - 11, "forwards ←", color=GREY, ha="left")
    _text(figure, 8, SLOPES_TOP + SIDE + 10, "backwards →", color=GREY, ha="left")
    middle = VALUES_TOP + SIDE / 2
    _text(figure, 46, middle - 20, "E", fontsize=LABEL_SIZE, fontweight="bold")
    _text(figure, 46, middle, _eight(energy))
    _text(figure, 46, middle + 18, "Ha")
    middle = SLOPES_TOP + SIDE / 2
    _text(figure, 46, middle - 10, "∂E/∂E", fontsize=LABEL_SIZE, fontweight="bold")
    _text(figure, 46, middle + 10, "1")


def _eight(energy: float) -> str:
    """As many decimals as eight characters have room for."""
    whole = len(str(int(abs(energy))))
    return f"{energy:.{max(0, 6 - whole)}f}".replace("-", "−")


def _draw_arrows(figure: Figure) -> None:
    """What leads from each column to the next, forwards above and backwards below."""
    width, height = CHAIN_SIZE_PX
    for column, operation in zip(COLUMNS, OPERATIONS, strict=True):
        first = column == COLUMNS[0]
        left, right = (88, 112) if first else (column - 36, column - 4)
        middle, band = (left + right) / 2, (VALUES_TOP + SIDE + SLOPES_TOP) / 2 + 2
        for top, ends in ((VALUES_TOP, (right, left)), (SLOPES_TOP, (left, right))):
            y = 1 - (top + SIDE / 2) / height
            points = [(x / width, y) for x in ends]
            style = {"arrowstyle": "-|>", "mutation_scale": 13, "color": INK, "linewidth": 1.6}
            figure.add_artist(FancyArrowPatch(*points, shrinkA=0, shrinkB=0, **style))
        line = [1 - (top + SIDE / 2) / height for top in (VALUES_TOP, SLOPES_TOP)]
        figure.add_artist(
            Line2D([middle / width] * 2, line, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        )
        box = {"boxstyle": "round,pad=0.25", "facecolor": "#eef3f7", "edgecolor": FAINT}
        _text(figure, middle, band, operation, bbox=box)


def _draw_caption(figure: Figure, weight: str, mark: tuple[str, int, int] | None) -> None:
    chosen = "" if mark is None else f"   □: element [{mark[1]}, {mark[2]}]"
    _text(figure, 8, 452, f"θ: {weight}{chosen}", ha="left")
    meaning = "Orange −, white 0, blue +; depth of colour ∝ √|value|, up to ± the number below."
    _text(figure, 8, 470, meaning, ha="left", color=GREY)

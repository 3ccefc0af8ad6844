"""The controls of the gradient inspector: which step, which geometry, which derivative."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from ipywidgets import BoundedIntText, Dropdown, Layout, SelectionSlider

from qptlab.lab.panels.runner import Run
from qptlab.lab.panels.signals import by_hand, quietly
from qptlab.lab.plots.gradients import SLOPE_NAMES, largest, page, pages, pair
from qptlab.molecule import Molecule
from qptlab.qpt.gradient_chain import GradientChain
from qptlab.qpt.sampling import TRAIN, VALIDATION, molecules

NOW, REST, WEIGHT = -1, "rest", "weight"
GEOMETRIES = {"training geometry": TRAIN, "validation geometry": VALIDATION, "not displaced": REST}


class GradientControls:
    """The widgets, and what is chosen with them.

    `changed(what)` is called when a hand, not `offer`, has changed one: "chain" (step or
    geometry), "derivative", "weight" or "element".
    """

    def __init__(self, changed: Callable[[str], None]) -> None:
        inline = {"description_width": "initial"}
        self.step = SelectionSlider(
            options=[("now", NOW)], description="network after step", style=inline,
            layout=Layout(width="300px"),
        )  # fmt: skip
        self.split = Dropdown(options=GEOMETRIES, layout=Layout(width="180px"))
        self.number = BoundedIntText(value=0, min=0, max=10**6, layout=Layout(width="80px"))
        names = {name.split(" ")[0]: key for key, name in SLOPE_NAMES.items()} | {"∂E/∂θ": WEIGHT}
        width = Layout(width="110px")
        self.derivative = Dropdown(options=names, value="delta_fock", layout=width)
        self.weight = Dropdown(
            options=[], description="θ", disabled=True, style=inline, layout=Layout(width="320px")
        )
        self.row, self.column = (
            BoundedIntText(
                min=0, max=0, description=text, disabled=True, style=inline,
                layout=Layout(width=width),
            )
            for text, width in (("row", "110px"), ("column", "130px"))
        )  # fmt: skip
        by_hand(partial(changed, "chain"), self.step, self.split, self.number)
        by_hand(partial(changed, "derivative"), self.derivative)
        by_hand(partial(changed, "weight"), self.weight)
        by_hand(partial(changed, "element"), self.row, self.column)

    @property
    def mark(self) -> tuple[str, int, int]:
        """Which matrix, row and column."""
        return self.derivative.value, self.row.value, self.column.value

    def element(self, chain: GradientChain) -> tuple[str, tuple[int, ...]]:
        """Name and index of the chosen element, as `finite_difference` takes them."""
        name, *place = self.mark
        if name != WEIGHT:
            return name, tuple(place)
        name, lead = pages(chain)[self.weight.value]
        index = (*lead, *place)
        return name, index[len(index) - chain.weights[name].ndim :]

    def offer(self, steps: Iterable[int], chain: GradientChain | None, prefill: bool) -> None:
        """Offer what there is to choose; `prefill`: turn to the largest element shown."""
        with quietly():
            self._offer_steps(steps)
            self.number.disabled = self.split.value == REST
            if chain is not None:
                self._offer_weights(chain)
                _, slope = pair(chain, self.derivative.value, self.weight.value)
                self._offer_elements(slope, prefill)

    def _offer_steps(self, steps: Iterable[int]) -> None:
        options = (*((str(step), step) for step in steps), ("now", NOW))
        if options != self.step.options:
            chosen = self.step.value
            # in two messages: in one, the page would clip the new place to the old range
            self.step.options = options
            self.step.value = chosen if chosen in dict(options).values() else NOW

    def _offer_weights(self, chain: GradientChain) -> None:
        known = pages(chain)
        if tuple(known) != self.weight.options:
            slopes = {key: page(chain.slope(name), lead) for key, (name, lead) in known.items()}
            matrices = [key for key, slope in slopes.items() if len(slope) > 1]
            self.weight.options = tuple(known)
            self.weight.value = max(matrices or known, key=lambda key: np.linalg.norm(slopes[key]))
            self.weight.disabled = False

    def _offer_elements(self, shown: np.ndarray, prefill: bool) -> None:
        place = largest(shown) if prefill else (self.row.value, self.column.value)
        for field, size, value in zip((self.row, self.column), shown.shape, place, strict=True):
            field.max, field.disabled = size - 1, False
            field.value = min(value, size - 1)


def geometry(run: Run, split: str, number: int) -> tuple[str, Molecule]:
    """A geometry of a run and its name, for example `H2O, training geometry 3`."""
    if split == REST:
        molecule = molecules(run.sampler, TRAIN)[0]
        return f"{molecule.formula}, not displaced", molecule
    molecule = run.sampler(split, run.config.seed, number)
    kind = next(text for text, value in GEOMETRIES.items() if value == split)
    return f"{molecule.formula}, {kind} {number}", molecule

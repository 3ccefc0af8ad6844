"""Gradients that would do harm: not finite, or far larger than is usual in this run."""

import math
from collections.abc import Iterable
from itertools import islice

import numpy as np

ABSURD = 100.0
"""Times the usual gradient norm at which a geometry is left out."""
LOOK_BACK, FEWEST = 50, 10
"""Steps whose median norm is the usual one, and how many there must be to judge by."""


def usual_norm(newest_first: Iterable[dict[str, float]], kind: str) -> float:
    """The median of a molecule's last gradient norms; infinite while there are too few.

    Each molecule has its own: a large one that is seldom met is no accident.

    Args:
        newest_first: {molecule: norm} of the steps so far, read as far back as it takes.
        kind: the molecule.
    """
    met = (norms[kind] for norms in newest_first if kind in norms)
    known = list(islice(met, LOOK_BACK))
    return float(np.median(known)) if len(known) >= FEWEST else math.inf


def objection(index: int, loss: float, norm: float, usual: float) -> str | None:
    """Why training geometry number `index` is left out, in one sentence; None where it is not."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        return f"training geometry {index}: loss {loss:.3g} with a gradient of norm {norm:.3g}"
    if norm > ABSURD * usual:
        return f"training geometry {index}: gradient {norm / usual:.0f} times the usual one"
    return None

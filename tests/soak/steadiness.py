"""Whether a quantity stays what it is over a long time, however noisy it is."""

import numpy as np
from scipy.stats import theilslopes

WARM_UP = 1 / 3
"""Share of the time in which caches may fill."""
WHOLE_MINUTES = 30.0
"""A shorter soak is a trial: noise has less time to cancel."""


def limit(minutes: float) -> float:
    """How large a share of its median a quantity may change by in a soak of so many minutes."""
    return 0.05 if minutes >= WHOLE_MINUTES else 0.15


def change(seconds: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Where a quantity starts and ends after the warm-up, and its change as a share of its median.

    All three are of a Theil–Sen line: the median of the slopes between any two samples, which
    single outliers do not turn.

    Args:
        seconds, values: (sample,) each, in any unit.
    """
    begin = seconds[0] + WARM_UP * (seconds[-1] - seconds[0])
    values, seconds = values[seconds >= begin], seconds[seconds >= begin]
    slope, intercept, *_ = theilslopes(values, seconds)
    start, end = intercept + slope * seconds[[0, -1]]
    return float(start), float(end), float((end - start) / np.median(values))

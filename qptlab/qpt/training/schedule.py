"""How the learning rate rises and falls over a run."""

import math

from qptlab.qpt.training.config import TrainConfig

WARM_UP = 20
"""Steps over which the learning rate rises."""
LAST_SHARE = 1e-3


def progress(config: TrainConfig, step: int, time_passed: float) -> float:
    """The share of a run that has passed, 0 where its end is not known.

    Args:
        step: weight updates so far.
        time_passed: share of the time limit that has passed; used where there is one.
    """
    shares = [0.0]
    if config.steps is not None:
        shares.append(step / config.steps)
    if config.minutes is not None:
        shares.append(time_passed)
    return min(max(shares), 1.0)


def schedule(config: TrainConfig, step: int, time_passed: float) -> float:
    """Factor on the learning rate: warm-up, then a cosine where the end of the run is known."""
    cosine = 0.5 * (1 + math.cos(math.pi * progress(config, step, time_passed)))
    return min(1.0, (step + 1) / WARM_UP) * max(cosine, LAST_SHARE)

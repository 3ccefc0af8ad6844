"""Errors against seconds: who reaches an error when, and where two curves cross."""

from collections.abc import Sequence

import numpy as np

Points = Sequence[tuple[float, float]]
"""(seconds, error), one for each training."""
ROUNDING = 1e-13
"""Errors (hartree) count as at least this."""


def front(points: Points) -> list[tuple[float, float]]:
    """The trainings that no shorter one beats, by seconds."""
    best: list[tuple[float, float]] = []
    for seconds, error in sorted(points):
        if np.isfinite(error) and (not best or error < best[-1][1]):
            best.append((seconds, max(error, ROUNDING)))
    return best


def seconds_to(points: Points, error: float) -> tuple[float, bool] | None:
    """Seconds to reach an error, and whether that is an upper bound; None where none reached it.

    Between two trainings of the front, on a straight line in logarithms. Where the shortest one
    is good enough already, a still shorter one may be too: then its seconds are an upper bound.
    """
    best = front(points)
    if not best or best[-1][1] > error:
        return None
    times, errors = np.log(np.array(best)).T
    seconds = float(np.exp(np.interp(-np.log(error), -errors, times)))
    return seconds, best[0][1] <= error


def error_at(points: Points, seconds: float) -> float:
    """The error after so many seconds, as `seconds_to` reads it; infinite before the first."""
    best = front(points)
    if not best or seconds < best[0][0]:
        return np.inf
    times, errors = np.log(np.array(best)).T
    return float(np.exp(np.interp(np.log(seconds), times, errors)))


def leads(one: Points, other: Points, resolution: int = 400) -> list[tuple[float, float, bool]]:
    """(from, to, whether `one` has the smaller error), seconds; curves cross where it changes.

    From when either has an error to where the trainings of one of them end.
    """
    fronts = front(one), front(other)
    if not all(fronts):
        return []
    begin = min(best[0][0] for best in fronts)
    end = min(max(seconds for seconds, _ in points) for points in (one, other))
    times = np.geomspace(begin, end, resolution)
    ahead = [error_at(one, t) <= error_at(other, t) for t in times]
    changes = [i for i in range(1, resolution) if ahead[i] != ahead[i - 1]]
    starts, ends = [0, *changes], [*changes, resolution - 1]
    return [
        (float(times[i]), float(times[j]), bool(ahead[i]))
        for i, j in zip(starts, ends, strict=True)
    ]

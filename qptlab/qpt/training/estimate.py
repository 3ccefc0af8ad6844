"""How long a training step will take, told before anything runs: a rule of thumb, not a clock."""

import functools
import time

import numpy as np

from qptlab.dft.size import Size

FASTEST = 95e9
"""Multiply-adds of float64 matrices (two operations each) that a second holds on the machine whose
times the numbers below were fitted to: two cores, `qptlab bench dft`."""
GRID_VALUES, GRID_PRODUCTS, EXCHANGE, EXACT, PAIRS = 8e-9, 0.022e-9, 0.06e-9, 0.2e-9, 5e-6
"""Seconds there: per orbital value on the grid, per operation of products of such values, of fitted
and of exact exchange, and per pair of shells in the network, forwards and backwards."""
LEAST = 8e-3


def step_seconds(size: Size, hybrid: bool, speed: float | None = None) -> float:
    """About how many seconds a training step takes, compiling and preparing left out.

    Within a factor of two for water to alanine dipeptide on the machine that it was fitted to.

    Args:
        hybrid: whether the functional has exact exchange.
        speed: operations per second of this machine's matrix products; measured by default.
    """
    grid = size.n_grid * size.n_ao
    seconds = LEAST + GRID_VALUES * grid + GRID_PRODUCTS * 2 * grid * size.n_ao
    seconds += PAIRS * size.n_shell**2
    if size.n_aux:
        seconds += EXCHANGE * hybrid * 2 * size.n_aux * size.n_ao**2 * size.n_occ
    else:
        seconds += EXACT * 2 * size.n_ao**4
    return seconds * FASTEST / (matrix_speed() if speed is None else speed)


@functools.cache
def matrix_speed(n: int = 768) -> float:
    """Operations per second of float64 matrix products, measured once in some 50 ms."""
    matrix, best = np.ones((n, n)), np.inf
    for _ in range(4):
        begin = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - begin)
    return 2 * n**3 / best

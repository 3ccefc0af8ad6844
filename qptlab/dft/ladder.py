"""The ladder of sizes: many molecules share one compiled program.

A program is compiled for the shapes of its arrays. So arrays are made a little longer than the
molecule, up to the next rung of a ladder, and what fills them up is kept from having any effect:
orbitals lie at `EMPTY_LEVEL` and stay empty, points have no weight, auxiliary functions no charge,
shells the number 0. What costs most beside orbitals, blocks of points and of auxiliary functions,
is skipped where it is empty, so that these rungs may be far apart.
"""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

import jax
import numpy as np
from jaxtyping import Array

from qptlab.dft.shells import Shells

EMPTY_LEVEL = 100.0
"""Energy (hartree) of the orbitals that fill a matrix up: far above every occupied one."""
FITTED, EXACT = (8, 4), (16, 1)
"""Rungs of orbitals are 8 to 16 times as large as their distance, which is at least 4. With exact
integrals, whose time grows as the fourth power of orbitals, they are closer."""
OCC, AUX, SHELLS, ATOMS, POINTS = (0.2, 1.25), (5.6, 1.4), (0.525, 1.25), (0.14, 2.0), (440.0, 1.25)
"""Of the other axes for each orbital, in the usual case (organic molecules in def2-svp), and from
there to the next rung. Most molecules with as many orbitals share all these rungs, and filled
orbitals, the only ones that cost much, have three or four."""


@dataclass(frozen=True)
class Shape:
    """How long the arrays of `Integrals` are.

    Attributes:
        n_ao, n_occ, n_aux, n_point, n_shell, n_atom: of each axis.
        widest: 2l + 1 of the largest l.
    """

    n_ao: int
    n_occ: int
    n_aux: int
    n_point: int
    n_shell: int
    n_atom: int
    widest: int


def rung(shape: Shape) -> Shape:
    """The smallest shape on the ladder that has room for this one."""
    n_ao = _next_multiple(shape.n_ao, *(FITTED if shape.n_aux else EXACT))
    n_shell = shape.n_shell + (n_ao > shape.n_ao)  # for the orbitals that fill up
    return Shape(
        n_ao=n_ao,
        n_occ=min(_next_share(shape.n_occ, n_ao, *OCC), n_ao),
        n_aux=_next_share(shape.n_aux, n_ao, *AUX),
        n_point=_next_share(shape.n_point, n_ao, *POINTS),
        n_shell=_next_share(n_shell, n_ao, *SHELLS),
        n_atom=_next_share(shape.n_atom, n_ao, *ATOMS),
        widest=shape.widest,
    )


def largest(shapes: Iterable[Shape]) -> Shape:
    """The smallest shape that has room for each of several."""
    every = zip(*map(astuple, shapes), strict=True)
    common = Shape(*map(max, every))
    return replace(common, n_shell=common.n_shell + 1)  # for the orbitals that fill up


def _next_multiple(n: int, times: int, least: int) -> int:
    """The next multiple of `least`, or of twice that, … so that it is above `times` of them."""
    step = least
    while step * 2 * times < n:
        step *= 2
    return -(-n // step) * step


def _next_share(n: int, n_ao: int, usual: float, step: float) -> int:
    """The next whole share of orbitals: `usual`, or smaller or larger by powers of `step`."""
    if not n:
        return 0
    power = math.ceil(math.log(n / (usual * n_ao)) / math.log(step) - 1e-9)
    return max(math.ceil(usual * step**power * n_ao), n)


def of_molecule(matrices: Array, shells: Shells) -> np.ndarray:
    """Matrices over orbitals without what fills them up, (…, ao, ao), on the host."""
    n = shells.n_ao
    return np.asarray(matrices)[..., :n, :n]


def filled_up(matrices: Array | np.ndarray, n_ao: int, level: float = 0.0) -> Array:
    """Matrices over a molecule's orbitals, (…, ao, ao), made as long as arrays on the ladder.

    Args:
        n_ao: of those arrays.
        level: on the diagonal of what fills up: `EMPTY_LEVEL` in a Fock matrix.
    """
    own, known = np.asarray(matrices, dtype=float), np.shape(matrices)[-1]
    longer = np.zeros((*own.shape[:-2], n_ao, n_ao))
    longer[..., :known, :known] = own
    more = np.arange(known, n_ao)
    longer[..., more, more] = level
    return jax.device_put(longer)

"""Every array alias, and what the names of axes mean.

    ao      atomic orbitals, in PySCF's order        aux     auxiliary functions of a fitted density
    mo      molecular orbitals, lowest first         pair    pairs ij with i ≥ j, row by row
    occ     orbitals that are filled                 grid    integration points
    atom    atoms                                    block   of `grid` or `aux`, each fits a cache
    shell   the 2l + 1 orbitals that turn together   point   points of one block
    matrix  what a network is shown of a molecule    token, pair, head, feature   of a network
    batch   molecules computed at once               2       the spins, α and β

Closed shells have one matrix for both spins, open shells one for each along a leading axis. Where a
shape begins with a space or a star, it is `jaxtyping`'s way to write one axis, or any number.
"""

import numpy as np
from jaxtyping import Array, Float

Scalar = Float[Array, ""]
Matrix = Float[Array, "ao ao"]
Matrices = Float[Array, "ao ao"] | Float[Array, "2 ao ao"]
"""One matrix for both spins, or one for each."""
Occupation = Float[Array, " occ"] | Float[Array, "2 occ"]
"""1 for an orbital that is filled, 0 for one that is not; lowest first."""
Occupied = Float[Array, "ao occ"] | Float[Array, "2 ao occ"]
"""Coefficients of the filled orbitals."""
OnGrid = Float[Array, "*grid"]

Stacked = Float[Array, "matrix ao ao"]
"""Several matrices over orbitals."""
ShellBlocks = Float[Array, "matrix shell shell m m"]
"""The same, cut into blocks of two shells, each filled with zeros to m × m."""
ShellPairs = Float[Array, "shell shell feature"]
"""Numbers for each pair of shells."""
ShellTokens = Float[Array, "shell token"]
OrbitalTokens = Float[Array, "ao token"]

OrbitalRows = Float[Array, "row ao"]

HostMatrix = Float[np.ndarray, "ao ao"]
Metric = Float[np.ndarray, "aux aux"]
"""Repulsion of auxiliary functions, and what is made of it."""
Gradient = Float[np.ndarray, "atom 3"]
"""dE/dR, hartree/bohr."""
Vector = Float[np.ndarray, "3"]

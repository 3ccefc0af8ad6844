"""What kind of shell a shell is: learned vectors for its element, its l and its number."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.shells import Shells

N_ELEMENTS, N_L, N_INDEX = 119, 4, 32
"""Rows of the three embeddings."""


def embedded(
    shells: Shells,
    elements: eqx.nn.Embedding,
    angular: eqx.nn.Embedding,
    index: eqx.nn.Embedding,
) -> Float[Array, "shell token"]:
    """The sum of the three vectors, for every shell."""
    return (
        elements.weight[np.array(shells.number)]
        + angular.weight[np.array(shells.l)]
        + index.weight[np.array(shells.index)]
    )

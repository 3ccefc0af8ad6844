"""How many prepared geometries a run may hold in memory."""

from typing import Any

import jax

from qptlab.qpt.config import TrainConfig

LARGEST_WINDOW = 256


def n_bytes(tree: Any) -> int:
    """Memory of all arrays of a tree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def places(config: TrainConfig, whole: int, kept: int) -> tuple[int, int]:
    """How many geometries of `config.pool_gib` are for validation, and how many for training.

    Args:
        whole, kept: bytes of a prepared geometry, and of what is kept of one to train on.

    Raises:
        ValueError: `config.geometries` do not fit.
    """
    pool = config.pool_gib * 2**30
    validation = min(config.n_validation, max(1, int(pool / 3 / whole)))
    room = max(config.batch, int((pool - validation * whole) / kept))
    if config.geometries is None:
        return validation, min(LARGEST_WINDOW, room)
    if config.geometries > room:
        raise ValueError(
            f"geometries {config.geometries}: no more than {room} fit in {config.pool_gib:g} GiB; "
            "give fewer, or a larger pool_gib"
        )
    return validation, config.geometries

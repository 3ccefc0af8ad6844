"""Arrays in safetensors files, by their names in a network or state, with text beside them.

A checksum of both is among the texts, so that a damaged file is refused. Files of earlier versions
have none.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import equinox as eqx
import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from qptlab.errors import InputError
from qptlab.files import replace_file

Tree = TypeVar("Tree", bound=eqx.Module)
CHECKSUM = "checksum"


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds: arrays and notes, each by name."""

    path: Path
    arrays: dict[str, np.ndarray]
    notes: dict[str, str]


def write_weights(
    path: str | os.PathLike, tree: eqx.Module, notes: dict[str, str], prefix: str = ""
) -> None:
    """Write every array of `tree`, and the notes; the file is replaced whole.

    Args:
        notes: texts by name; "qptlab" has what it takes to make the network again.
        prefix: of the names, the place of `tree` in the state that it is part of.

    Raises:
        OSError: names the file.
    """
    arrays = {name: np.asarray(leaf) for name, leaf in named_leaves(tree, prefix)}
    replace_file(path, save(arrays, {**notes, CHECKSUM: checksum(arrays, notes)}))


def read_weights(path: Path) -> Stored:
    """What `write_weights` wrote.

    Raises:
        InputError: not such a file, or a damaged one.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            notes = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a qptlab model file, or a damaged one: {error}") from None
    if "qptlab" not in notes:
        raise InputError(f"{path} is not a qptlab model file")
    expected = notes.pop(CHECKSUM, None)
    if expected not in (None, checksum(arrays, notes)):
        raise InputError(f"{path} is damaged: its content does not match its checksum")
    return Stored(path, arrays, notes)


def filled(tree: Tree, stored: Stored, prefix: str = "") -> Tree:
    """`tree`, of which shapes and types are enough, with its arrays as stored.

    Raises:
        InputError: others are stored.
    """
    arrays, rest = eqx.partition(tree, _is_array)
    leaves = []
    for name, leaf in named_leaves(arrays, prefix):
        if name not in stored.arrays:
            raise InputError(f"{stored.path} is no such model file: it has no {name}")
        found = stored.arrays[name]
        if (found.shape, found.dtype) != (leaf.shape, leaf.dtype):
            what = "type" if found.shape == leaf.shape else "shape"
            raise InputError(f"{stored.path} holds weights of another {what} than its description")
        leaves.append(found)
    # at once, and without `jnp.asarray`, which compiles a program for each shape
    leaves = jax.device_put(leaves)
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), leaves), rest)


def outline(build: Callable[[], Tree]) -> Tree:
    """What `build` gives, with shapes and types for its arrays: no memory is taken for them."""
    # nothing is computed, so tracing each function that draws weights for later use is in vain
    with jax.disable_jit():
        return eqx.filter_eval_shape(build)


def checksum(arrays: Mapping[str, np.ndarray], notes: Mapping[str, str]) -> str:
    """CRC-32 of arrays and notes with their names: finds every error of up to 32 bits in a row."""
    value = zlib.crc32(repr(sorted(notes.items())).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        value = zlib.crc32(f"{name} {array.dtype} {arrays[name].shape}".encode(), value)
        value = zlib.crc32(array.data.cast("B") if array.size else b"", value)
    return f"{value:08x}"


def named_leaves(tree: eqx.Module, prefix: str = "") -> Iterable[tuple[str, np.ndarray]]:
    """Every array of a network or state with its name, which begins with `prefix`."""
    arrays = eqx.filter(tree, _is_array)
    for path, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        yield prefix + jax.tree_util.keystr(path), leaf


def _is_array(leaf: object) -> bool:
    """An array, or the shape and type of one."""
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)

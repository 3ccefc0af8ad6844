"""Arrays in safetensors files, by their names in a network or state, with text beside them."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from qptlab.errors import InputError

Tree = TypeVar("Tree", bound=eqx.Module)


def write_weights(path: Path, tree: eqx.Module, notes: dict[str, str], prefix: str = "") -> None:
    """Write every array of `tree`, and the notes; the file is replaced whole.

    Args:
        notes: texts by name; "qptlab" has what it takes to make the network again.
        prefix: of the names, the place of `tree` in the state that it is part of.
    """
    tensors = {name: np.asarray(leaf) for name, leaf in named_leaves(tree, prefix)}
    replace_file(path, save(tensors, notes))


def read_weights(tree: Tree, path: Path, prefix: str = "") -> Tree:
    """`tree` with its arrays read from a file that `write_weights` wrote; their shapes are enough.

    Raises:
        InputError: not such a file, or one with other arrays.
    """
    arrays, rest = eqx.partition(tree, _is_array)
    try:
        with safe_open(path, framework="numpy") as file:
            # of all before any: the file's are small where its description is not
            for name, leaf in named_leaves(arrays, prefix):
                if tuple(file.get_slice(name).get_shape()) != leaf.shape:
                    raise InputError(f"{path} holds weights of another shape than its description")
            leaves = [file.get_tensor(name) for name, _ in named_leaves(arrays, prefix)]
    except (SafetensorError, OSError, TypeError) as error:  # a TypeError: numbers NumPy has not
        raise InputError(f"{path} cannot be read as weights: {error}") from None
    described = [leaf.dtype for _, leaf in named_leaves(arrays, prefix)]
    if described != [leaf.dtype for leaf in leaves]:
        raise InputError(f"{path} holds weights of another type than its description")
    read = jax.tree.unflatten(jax.tree.structure(arrays), map(jnp.asarray, leaves))
    return eqx.combine(read, rest)


def read_notes(path: Path) -> dict[str, str]:
    """The notes of a file that holds a network.

    Raises:
        InputError: not such a file.
    """
    with contextlib.suppress(SafetensorError, OSError), safe_open(path, "numpy") as file:
        notes = file.metadata() or {}
        if "qptlab" in notes:
            return notes
    raise InputError(f"{path} is not a qptlab model file")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it finds the old content or the new, nothing between."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def named_leaves(tree: eqx.Module, prefix: str = "") -> Iterable[tuple[str, np.ndarray]]:
    """Every array of a network or state with its name, which begins with `prefix`."""
    arrays = eqx.filter(tree, _is_array)
    for path, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        yield prefix + jax.tree_util.keystr(path), leaf


def _is_array(leaf: object) -> bool:
    """An array, or the shape and type of one."""
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)

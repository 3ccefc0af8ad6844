"""How qptlab's programs are compiled."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jaxlib

from qptlab.dft.kept_programs import program
from qptlab.dft.structures import is_array

Function = TypeVar("Function", bound=Callable)

_IS_KNOWN = (0, 7) <= jaxlib.version.__version_info__ < (0, 11)
QUICK_TO_COMPILE = {"xla_cpu_use_fusion_emitters": False} if _IS_KNOWN else {}
"""Compiler options with which programs take two thirds of the time to compile and run as fast.

XLA's newer way to write fused loops for processors is slow to compile (openxla/xla issue 41173).
An option that a jaxlib does not know is an error, so only those known to know it are given it.
"""


def jit(function: Function) -> Function:
    """`equinox.filter_jit` with these options, of a program that may be kept between processes.

    Arrays among the arguments are the program's, all else is part of it. Inside another
    transformation it has no options: JAX refuses them for a program that becomes part of another.
    """
    plain = eqx.filter_jit(function, compiler_options=QUICK_TO_COMPILE)
    part = eqx.filter_jit(function)
    known: dict[Any, Callable | None] = {}

    @functools.wraps(function)
    def call(*args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return part(*args, **kwargs)
        arrays = [leaf for leaf in leaves if is_array(leaf)]
        fixed = tuple(None if is_array(leaf) else leaf for leaf in leaves)
        key = tree, fixed, tuple((array.shape, array.dtype) for array in arrays)
        if key not in known:
            found = program(function, args, kwargs)
            known[key] = found and found.compiled(QUICK_TO_COMPILE)
        run = known[key]
        return plain(*args, **kwargs) if run is None else run(arrays)

    return call

"""How qptlab's programs are compiled."""

import functools
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jaxlib

Function = TypeVar("Function", bound=Callable)

_IS_KNOWN = (0, 7) <= jaxlib.version.__version_info__ < (0, 11)
QUICK_TO_COMPILE = {"xla_cpu_use_fusion_emitters": False} if _IS_KNOWN else {}
"""Compiler options with which programs take two thirds of the time to compile and run as fast.

XLA's newer way to write fused loops for processors is slow to compile (openxla/xla issue 41173).
An option that a jaxlib does not know is an error, so only those known to know it are given it.
"""


def jit(function: Function) -> Function:
    """`equinox.filter_jit` with these options; inside another transformation, without any.

    JAX refuses options for a program that becomes part of another.
    """
    whole = eqx.filter_jit(function, compiler_options=QUICK_TO_COMPILE)
    part = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        leaves = jax.tree.leaves((args, kwargs))
        is_part = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
        return (part if is_part else whole)(*args, **kwargs)

    return call

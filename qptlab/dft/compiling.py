"""How qptlab's programs are compiled."""

from functools import partial

import equinox as eqx
import jaxlib

_SINCE, _BEFORE = (0, 7), (0, 11)

QUICK_TO_COMPILE: dict[str, bool] = {}
"""Compiler options with which programs take two thirds of the time to compile and run as fast.

XLA's newer way to write fused loops for processors is slow to compile (openxla/xla issue 41173).
An option that a jaxlib does not know is an error, so only those known to know it are given it.
"""
if _SINCE <= jaxlib.version.__version_info__ < _BEFORE:
    QUICK_TO_COMPILE["xla_cpu_use_fusion_emitters"] = False

jit = partial(eqx.filter_jit, compiler_options=QUICK_TO_COMPILE)
"""`equinox.filter_jit` with these options."""

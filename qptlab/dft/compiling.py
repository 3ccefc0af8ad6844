"""How qptlab's programs are compiled."""

import contextlib
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import equinox as eqx
import jax
import jaxlib

from qptlab.dft.kept_programs import program
from qptlab.dft.structures import is_array

Function = TypeVar("Function", bound=Callable)


@functools.cache
def quick_to_compile() -> dict[str, bool | int]:
    """Compiler options with which programs take half of the time to compile and run as fast."""
    options: dict[str, bool | int] = {}
    on_processor = jax.default_backend() == "cpu"
    if on_processor and not jax.config.values.get("jax_disable_most_optimizations"):
        # What takes long to run are products of matrices, which are compiled already; the loops
        # around them gain nothing from later passes. At level 0 they take three times as long.
        options["xla_backend_optimization_level"] = 1
    if (0, 7) <= jaxlib.version.__version_info__ < (0, 11):
        # XLA's newer way to write fused loops for processors is slow to compile (openxla/xla issue
        # 41173). An option that a jaxlib does not know is an error.
        options["xla_cpu_use_fusion_emitters"] = False
    return options


def jit(function: Function) -> Function:
    """`equinox.filter_jit` with these options, of a program that may be kept between processes.

    Arrays among the arguments are the program's, all else is part of it. Inside another
    transformation it has no options: JAX refuses them for a program that becomes part of another.

    `.ahead(*args)` compiles for arguments whose arrays are known by their shapes only
    (`jax.ShapeDtypeStruct`), if it is a program that may be kept. A call meanwhile, from another
    thread, waits for it.
    """
    part = eqx.filter_jit(function)
    known: dict[Any, Future[Callable | None]] = {}
    lock = threading.Lock()

    @functools.cache
    def plain() -> Function:  # when first called: to know the device takes a while
        return eqx.filter_jit(function, compiler_options=quick_to_compile())

    def compiled(args: tuple, kwargs: dict, leaves: list, tree: Any) -> Callable | None:
        fixed = tuple(None if is_array(leaf) else leaf for leaf in leaves)
        key = tree, fixed, tuple((leaf.shape, leaf.dtype) for leaf in leaves if is_array(leaf))
        with lock:
            is_new, found = key not in known, known.setdefault(key, Future())
        if is_new:
            try:
                made = program(function, args, kwargs)
                found.set_result(made and made.compiled(quick_to_compile()))
            except BaseException as error:
                del known[key]
                found.set_exception(error)
        return found.result()

    @functools.wraps(function)
    def call(*args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return part(*args, **kwargs)
        run = compiled(args, kwargs, leaves, tree)
        if run is None:
            return plain()(*args, **kwargs)
        return run([leaf for leaf in leaves if is_array(leaf)])

    def ahead(*args, **kwargs) -> None:
        compiled(args, kwargs, *jax.tree.flatten((args, kwargs)))

    call.ahead = ahead
    return call


def in_background(compile_one: Callable[[], None]) -> None:
    """Compile in a thread; what fails, fails again where the program is called.

    Python waits for it at its end: a thread that it abandons in the compiler aborts the process.
    """

    def quietly() -> None:
        with contextlib.suppress(Exception):
            compile_one()

    threading.Thread(target=quietly, name="qptlab-compiling").start()

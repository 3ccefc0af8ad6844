"""Our `jit` is `equinox.filter_jit` wherever that may stand."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from waiting import wait_until

from qptlab.dft import kept_programs
from qptlab.dft.compiling import in_background, jit, quick_to_compile


@jit
def cube(x, times: int = 1):
    return times * x**3


def test_it_compiles_once_and_computes_the_same():
    traced = []

    @jit
    def double(x):
        traced.append(x)
        return 2 * x

    assert [float(double(jnp.asarray(x))) for x in (1.0, 2.0)] == [2.0, 4.0]
    assert len(traced) == 1 and cube.__name__ == "cube"


def test_it_may_stand_inside_other_transformations():
    x = jnp.arange(3.0)
    assert quick_to_compile()  # else nothing here could fail
    np.testing.assert_array_equal(jax.jit(lambda x: cube(x, times=2))(x), 2 * x**3)
    np.testing.assert_array_equal(jit(jax.vmap(cube))(x), x**3)
    assert jit(jax.grad(lambda x: cube(x)))(2.0) == 12.0
    assert jax.grad(cube)(2.0) == 12.0


@pytest.fixture
def made(tmp_path, monkeypatch):
    """How often `cube` was traced for a program, slowly."""
    traced = []

    def slowly(function, args, kwargs):
        traced.append(kwargs)
        time.sleep(0.2)
        if kwargs.get("times") == 13:
            raise ValueError("no such program")
        return kept_programs.program(function, args, kwargs)

    monkeypatch.setattr(kept_programs, "_folder", lambda: tmp_path)
    monkeypatch.setattr("qptlab.dft.compiling.program", slowly)
    return traced


def test_a_call_waits_for_what_a_thread_compiles(made):
    again, shape = jit(cube.__wrapped__), jax.ShapeDtypeStruct((3,), float)
    with ThreadPoolExecutor() as threads:
        ahead = threads.submit(again.ahead, shape, times=2)
        called = [threads.submit(again, jnp.arange(3.0), times=2) for _ in range(3)]
    assert ahead.result() is None and len(made) == 1
    for one in called:
        np.testing.assert_array_equal(one.result(), 2 * np.arange(3.0) ** 3)


def test_what_failed_is_tried_again(made):
    again = jit(cube.__wrapped__)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such program"):
            again(jnp.arange(3.0), times=13)
    assert len(made) == 2
    in_background(lambda: again.ahead(jax.ShapeDtypeStruct((3,), float), times=13))
    wait_until(lambda: len(made) == 3)


def test_python_waits_at_its_end_for_what_is_compiled():
    # a daemon that comes back from the compiler when Python has ended aborts the process
    daemons = []
    in_background(lambda: daemons.append(threading.current_thread().daemon))
    wait_until(lambda: daemons)
    assert daemons == [False]

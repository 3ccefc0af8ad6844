"""Our `jit` is `equinox.filter_jit` wherever that may stand."""

import jax
import jax.numpy as jnp
import numpy as np

from qptlab.dft.compiling import QUICK_TO_COMPILE, jit


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
    assert QUICK_TO_COMPILE  # else nothing here could fail
    np.testing.assert_array_equal(jax.jit(lambda x: cube(x, times=2))(x), 2 * x**3)
    np.testing.assert_array_equal(jit(jax.vmap(cube))(x), x**3)
    assert jit(jax.grad(lambda x: cube(x)))(2.0) == 12.0
    assert jax.grad(cube)(2.0) == 12.0

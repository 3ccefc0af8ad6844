"""The cube root in float64, several times faster than the scalar library routine."""

import jax
import jax.numpy as jnp

from qptlab.types import OnGrid


@jax.custom_jvp
def cube_root(x: OnGrid) -> OnGrid:
    """∛x for 1e-36 < x < 1e36, to the last digit.

    XLA calls `cbrt` and `pow` of float64 one number at a time, but computes float32 logarithms
    and exponentials in vectors. One step of Halley's method triples the digits of such a guess;
    written as a small correction of it, for then almost nothing is lost by rounding.
    """
    guess = jnp.exp(jnp.log(x.astype(jnp.float32)) / 3).astype(x.dtype)
    cube = guess * guess * guess
    return guess + guess * ((x - cube) / (2 * cube + x))


@cube_root.defjvp
def _cube_root_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    root = cube_root(x)
    return root, dx * (root / (3 * x))

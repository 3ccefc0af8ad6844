"""The two functions inside the functionals that need care with their digits."""

from decimal import Decimal, localcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qptlab.dft.xc.becke import (
    SERIES_BELOW,
    share_closed_form,
    share_series,
    short_range_share,
    x_arcsinh_x,
)
from qptlab.dft.xc.electrons import cube_root


@pytest.fixture(autouse=True, scope="module")
def optimised():
    """To the last digit programs are what users run, not what the tests compile in a hurry."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


def test_cube_roots_are_right_to_the_last_digits():
    x = np.concatenate([np.logspace(-35, 35, 2001), [1.0, 8.0, 27.0]])
    with localcontext() as context:
        context.prec = 40  # libraries' own cube roots are up to 6e-16 off
        exact = [float(Decimal(value) ** (Decimal(1) / 3)) for value in x]
    np.testing.assert_allclose(cube_root(jnp.asarray(x)), exact, rtol=3e-16)


@pytest.mark.parametrize("x", [1e-20, 1e-15, 0.3, 1.0, 5e7])
def test_derivatives_of_the_cube_root(x):
    x = jnp.asarray(x)
    slope, curvature = jax.grad(cube_root), jax.grad(jax.grad(cube_root))
    np.testing.assert_allclose(slope(x), x ** (-2 / 3) / 3, rtol=1e-14)
    np.testing.assert_allclose(curvature(x), -2 / 9 * x ** (-5 / 3), rtol=1e-14)
    np.testing.assert_allclose(
        jax.jvp(cube_root, (x,), (jnp.asarray(2.0),))[1], 2 * slope(x), rtol=1e-14
    )


def short_range_share_exactly(y: float) -> float:
    """The power series, which converges for every y, with 80 digits."""
    with localcontext() as context:
        context.prec = 80
        y, term, total = Decimal(y), Decimal("0.5"), Decimal(0)
        for n in range(1, 300):
            term *= -y / (n + 2)
            total -= 2 * term / (2 * n + 1)
        return float(total)


def test_the_attenuation_keeps_its_digits():
    y = np.concatenate([np.logspace(-8, 1.4, 60), SERIES_BELOW * (1 + np.array([-1e-9, 0, 1e-9]))])
    exact = [short_range_share_exactly(value) for value in y]
    np.testing.assert_allclose(short_range_share(jnp.asarray(y)), exact, rtol=2e-14)


def test_the_attenuation_has_no_kink_where_the_series_ends():
    left, right = share_series, share_closed_form
    y = jnp.asarray(SERIES_BELOW)
    for tolerance in (1e-14, 1e-13, 1e-12):
        np.testing.assert_allclose(left(y), right(y), rtol=tolerance)
        left, right = jax.grad(left), jax.grad(right)


def test_x_arcsinh_x_has_no_kink_where_the_series_ends():
    x2 = np.nextafter(1e-3, 0), 1e-3
    for derivative, tolerance in ((0, 1e-14), (1, 1e-12), (2, 1e-10)):
        function = x_arcsinh_x
        for _ in range(derivative):
            function = jax.grad(function)
        left, right = (function(jnp.asarray(x)) for x in x2)
        np.testing.assert_allclose(left, right, rtol=tolerance)
    x = np.logspace(-8, 4, 100)
    np.testing.assert_allclose(x_arcsinh_x(jnp.asarray(x * x)), x * np.arcsinh(x), rtol=1e-14)

"""Functionals against libxc, on ordinary and on extreme densities, with and without spin."""

import ctypes
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyscf.dft import libxc
from tiers import rest_slow

from qptlab.dft import xc
from qptlab.theory import FUNCTIONALS

SEMILOCAL = [name for name in FUNCTIONALS if name != "hf"]
# Second derivatives take longest to compile; of alike functionals one comes at once.
FINITE = rest_slow(FUNCTIONALS, ("lda", "pbe", "b3lyp"))
INPUTS = {"none": 1, "rho": 1, "gradient": 2, "tau": 3}

RHO = np.logspace(-7.9, 3, 20)
REDUCED_GRADIENT = [0.01, 0.1, 1.0, 5.0, 50.0]
ZETA = [0.0, 0.3, 0.9, 1.0]
ALPHA = [0.0, 0.3, 1.0, 2.4, 2.6, 10.0, 1000.0]


def closed_points(name):
    """ρ, σ and, where it is needed, τ of closed shells."""
    needs_tau = xc.functional(name).needs == "tau"
    # as many points as for open shells, because every other number is another compilation
    rho, x, _, alpha = mesh(RHO, REDUCED_GRADIENT, ZETA, ALPHA if needs_tau else [1.0])
    sigma = (x * rho ** (4 / 3)) ** 2
    uniform = 0.3 * (3 * np.pi**2) ** (2 / 3) * rho ** (5 / 3)
    return (rho, sigma, sigma / (8 * rho) + alpha * uniform)[: INPUTS[xc.functional(name).needs]]


def open_points(name):
    """The same for both spins, down to none of the electrons being β."""
    needs_tau = xc.functional(name).needs == "tau"
    total, x, zeta, alpha = mesh(RHO, REDUCED_GRADIENT, ZETA, ALPHA if needs_tau else [1.0])
    rho = total / 2 * np.stack([1 + zeta, 1 - zeta])
    a, b = np.sqrt(x**2 * rho**2 * total ** (2 / 3)) * [[1.0], [0.8]]
    sigma = np.stack([a * a, 0.5 * a * b, b * b])
    one_orbital = np.divide(sigma[::2], 8 * rho, out=np.zeros_like(rho), where=rho > 0)
    uniform = 0.3 * (6 * np.pi**2) ** (2 / 3) * rho ** (5 / 3)
    return (rho, sigma, one_orbital + alpha * uniform)[: INPUTS[xc.functional(name).needs]]


def mesh(*axes):
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def derivatives(name):
    """A function for e (energy per volume) and its derivatives by ρ, σ and τ."""
    which = tuple(range(INPUTS[xc.functional(name).needs]))
    total = lambda *point: jnp.sum(xc.energy_density(name, *point))  # noqa: E731
    gradient = jax.grad(total, argnums=which)
    return lambda *point: (xc.energy_density(name, *point), *gradient(*point))


@cache
def compiled(name):
    return jax.jit(derivatives(name))


@cache
def compiled_to_second_order(name):
    """These and their change with all of ρ, σ and τ at once: a sum of second derivatives."""
    both = lambda *point: jax.jvp(derivatives(name), point, ones(point))  # noqa: E731
    return jax.jit(both, compiler_options={"xla_llvm_disable_expensive_passes": True})


def ones(point):
    return tuple(jnp.ones_like(x) for x in point)


def ours(name, *point):
    return compiled(name)(*map(jnp.asarray, point))


def of_libxc(name, rho, sigma=None, tau=None):
    """The same from libxc; its exact-exchange share is not part of it."""
    spin = rho.ndim - 1
    if spin:
        a = np.sqrt(sigma[0]) if sigma is not None else 0 * rho[0]
        # a gradient of β that has the right length and angle to that of α
        ab = np.divide(sigma[1], a, out=0 * a, where=a > 0) if sigma is not None else a
        rest = np.sqrt(np.maximum(sigma[2] - ab**2, 0)) if sigma is not None else a
        tau = tau if tau is not None else 0 * rho
        point = np.array([[rho[0], a, 0 * a, 0 * a, tau[0]], [rho[1], ab, rest, 0 * a, tau[1]]])
    else:
        a = np.sqrt(sigma) if sigma is not None else 0 * rho
        point = np.array([rho, a, 0 * a, 0 * a, tau if tau is not None else 0 * a])
    rows = {"rho": 1, "gradient": 4, "tau": 5}[xc.functional(name).needs]
    point = point[..., :rows, :] if rows > 1 else point[..., 0, :]
    if rows == 5:  # libxc's Laplacian, which nothing here uses, stands before τ
        point = np.insert(point, 4, 0, axis=-2)
    exc, v, *_ = libxc.eval_xc(without_thresholds(name), point, spin=spin, deriv=1)
    v = (*v, None, None, None)
    total = rho.sum(0) if spin else rho
    return exc * total, *(x.T for x in (v[0], v[1], v[3]) if x is not None)


@cache
def without_thresholds(name):
    """The functional's name in a libxc that does not replace a β density of 0 by up to 1e-11.

    By default it does, and is then wrong by 1e-4 where the α density is 1e-8. The τ of an absent
    spin it replaces by 1e-20 likewise. Lower than 1e-24 and its own powers of the density fail.
    """

    def lower(functional, *_):
        functional._set_omega_density_threshold_([0] * functional.nfunc, 1e-24)
        for part in functional.xc_objs:
            libxc._itrf.xc_func_set_tau_threshold(part, ctypes.c_double(1e-40))

    ours = "qptlab_" + name.replace("-", "_")
    libxc.register_custom_functional_(ours, FUNCTIONALS[name], callback=lower)
    return ours


@pytest.mark.parametrize("points", [closed_points, open_points])
@pytest.mark.parametrize("name", SEMILOCAL)
def test_energy_and_potential_are_libxcs(name, points):
    point = points(name)
    mine, theirs = ours(name, *point), of_libxc(name, *point)
    # as contributions to the energy: PBE's exchange and correlation parts of ∂e/∂σ cancel
    for a, b, x in zip(mine, theirs, (1, *point), strict=True):
        scale = np.maximum(np.abs(b * x), np.abs(theirs[0]))
        np.testing.assert_array_less(np.abs(np.asarray(a) - b) * x / scale, 1e-10)


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_a_closed_shell_is_an_open_one_with_two_halves(name):
    point = closed_points(name)
    halves = [np.stack([x / n] * m) for x, n, m in zip(point, (2, 4, 2), (2, 3, 2), strict=False)]
    (closed, *v), (opened, *v_spin) = ours(name, *point), ours(name, *halves)
    np.testing.assert_allclose(opened, closed, rtol=1e-13)
    np.testing.assert_allclose(v_spin[0], [v[0], v[0]], rtol=1e-11)


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_exchanging_the_spins_changes_nothing(name):
    point = open_points(name)
    here, there = ours(name, *point), ours(name, *(x[::-1] for x in point))
    np.testing.assert_allclose(there[0], here[0], rtol=1e-13)
    for a, b, x in zip(here[1:], there[1:], point, strict=True):
        scale = np.maximum(np.abs(a * x), np.abs(here[0]))
        assert np.all(np.abs(a - b[::-1]) * x <= 1e-12 * scale)


DENSITY = st.one_of(st.floats(-1e-12, 1e-6), st.floats(0, 1e4))
SIGMA = st.one_of(st.floats(-1e-20, 1e-20), st.floats(0, 1e10))
SIGMA_AB = st.one_of(st.floats(-1e-20, 1e-20), st.floats(-1e10, 1e10))
TAU = st.one_of(st.floats(-1e-14, 1e-12), st.floats(0, 1e8))


def columns(*strategies):
    return st.tuples(*strategies).map(lambda x: np.array(x)[:, None])


@settings(deadline=None, max_examples=50)
@given(rho=DENSITY, sigma=SIGMA, tau=TAU)
@pytest.mark.parametrize("name", FINITE)
def test_nothing_is_infinite(name, rho, sigma, tau):
    assert_finite(name, [np.array([x]) for x in (rho, sigma, tau)])


@settings(deadline=None, max_examples=50)
@given(rho=columns(DENSITY, DENSITY), sigma=columns(SIGMA, SIGMA_AB, SIGMA), tau=columns(TAU, TAU))
@pytest.mark.parametrize("name", FINITE)
def test_nothing_is_infinite_with_spin(name, rho, sigma, tau):
    assert_finite(name, [rho, sigma, tau])


def assert_finite(name, point):
    """Value, gradient and second derivatives at a point that no physical density may have."""
    point = [jnp.asarray(x) for x in point[: INPUTS[xc.functional(name).needs]]]
    values = jax.tree.leaves(compiled_to_second_order(name)(*point))
    assert all(np.isfinite(value).all() for value in values)
    return values


@pytest.mark.parametrize("name", FINITE)
def test_no_electrons_no_energy(name):
    for point in ([np.zeros(1)] * 3, [np.zeros((rows, 1)) for rows in (2, 3, 2)]):
        assert not any(np.any(value) for value in assert_finite(name, point))


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_the_exact_exchange_is_pyscfs(name):
    from pyscf.dft.numint import NumInt

    omega, alpha, hybrid = NumInt().rsh_and_hybrid_coeff(FUNCTIONALS[name])
    mine = xc.functional(name)
    assert mine.exact_exchange == pytest.approx(hybrid)
    assert mine.omega == pytest.approx(omega)
    assert mine.long_range == pytest.approx(alpha - hybrid if omega else 0)

"""Functionals against libxc, on ordinary and on extreme densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyscf.dft import libxc

from qptlab.dft import xc
from qptlab.reference.pyscf_runs import PYSCF_XC
from qptlab.theory import FUNCTIONALS

RHO = np.logspace(-7.9, 3, 40)


def ours(name, rho, sigma):
    """e (energy per volume) and its derivatives by ρ and σ."""
    rho, sigma = jnp.asarray(rho), jnp.asarray(sigma)
    total = lambda r, s: jnp.sum(xc.energy_density(name, r, s))  # noqa: E731
    v_rho, v_sigma = jax.grad(total, argnums=(0, 1))(rho, sigma)
    return xc.energy_density(name, rho, sigma), v_rho, v_sigma


def of_libxc(name, rho, sigma):
    """The same from libxc; its exact-exchange share is not part of it."""
    if name == "lda":
        exc, (v_rho, *_), *_ = libxc.eval_xc(PYSCF_XC[name], rho, spin=0, deriv=1)
        return exc * rho, v_rho, np.zeros_like(rho)
    gradient = np.stack([rho, np.sqrt(sigma), 0 * rho, 0 * rho])
    exc, (v_rho, v_sigma, *_), *_ = libxc.eval_xc(PYSCF_XC[name], gradient, spin=0, deriv=1)
    return exc * rho, v_rho, v_sigma


@pytest.mark.parametrize("reduced_gradient", [0.01, 0.1, 1.0, 5.0, 50.0])
@pytest.mark.parametrize("name", FUNCTIONALS)
def test_energy_and_potential_are_libxcs(name, reduced_gradient):
    sigma = (reduced_gradient * RHO ** (4 / 3)) ** 2
    mine, theirs = ours(name, RHO, sigma), of_libxc(name, RHO, sigma)
    # as contributions to the energy: PBE's exchange and correlation parts of ∂e/∂σ cancel
    for a, b, x in zip(mine, theirs, (1, RHO, sigma), strict=True):
        scale = np.maximum(np.abs(b * x), np.abs(theirs[0]))
        np.testing.assert_array_less(np.abs(np.asarray(a) - b) * x / scale, 1e-10)


@settings(deadline=None, max_examples=60)
@given(
    rho=st.one_of(st.floats(-1e-12, 1e-6), st.floats(0, 1e4)),
    sigma=st.one_of(st.floats(0, 1e-20), st.floats(0, 1e10)),
)
@pytest.mark.parametrize("name", FUNCTIONALS)
def test_nothing_is_infinite(name, rho, sigma):
    point = jnp.array([rho]), jnp.array([sigma])
    assert all(np.isfinite(value).all() for value in ours(name, *point))


def test_every_functional_of_the_theory_exists():
    assert all(xc.functional(name) for name in FUNCTIONALS)

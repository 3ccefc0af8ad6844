"""Derivatives of energies, predictions and densities against finite differences."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from test_qpt import shaken
from tiers import later, slow

from qptlab.dft import (
    density_from_fock,
    dipole,
    fock_matrix,
    forces,
    integrals,
    polarizability,
    scf,
    scf_iterations,
    self_consistent,
)
from qptlab.dft.integrals import Integrals, dipole_integrals
from qptlab.dft.properties import in_field
from qptlab.errors import NotConverged
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.networks import block, response_net
from qptlab.qpt.predict import predict
from qptlab.reference import pyscf_mean_field
from qptlab.theory import Theory, parse_theory


def slope(function, step: float):
    """f'(0) of a function of one number, to fourth order in the step."""
    near, far = (function(t) - function(-t) for t in (step, 2 * step))
    return (8 * near - far) / (12 * step)


def along_a_line(case: Molecule, energy, step: float) -> tuple[np.ndarray, float]:
    """A direction in which all atoms move, and the slope of the energy along it."""
    way = np.random.default_rng(0).normal(size=case.positions.shape)
    return way, slope(lambda t: energy(case.with_positions(case.positions + t * way)), step)


@pytest.mark.parametrize(
    "name, spin, level",
    [
        ("water", 0, Theory("b3lyp5", "def2-svp")),
        ("formaldehyde", 2, Theory("pbe", "6-31g*")),
        later("formaldehyde", 2, Theory("cam-b3lyp", "6-31g*")),
        later("water", 0, Theory("cam-b3lyp", "6-31g*", coulomb="exact")),
        later("ammonia", 0, Theory("r2scan", "6-31g*")),
        later("water", 0, Theory("hf", "6-31g*", coulomb="exact")),
    ],
    ids=str,
)
def test_forces_are_finite_differences(name, spin, level):
    case = distorted(name, spin=spin)
    force = forces(scf(case, level, conv_tol=1e-9))
    way, difference = along_a_line(
        case, lambda m: float(scf(m, level, conv_tol=1e-9).energy.total), 1e-3
    )
    assert abs(np.sum(force * way) + difference) < 1e-7
    assert np.abs(force.sum(axis=0)).max() < 1e-9  # the grid moves along: nothing is left over


@slow
def test_forces_are_pyscfs():
    case = distorted("ethanol")
    mf = pyscf_mean_field(case, Theory("pbe", "6-31g*", coulomb="exact")).run()
    gradient = mf.nuc_grad_method()
    gradient.grid_response = True
    ours = forces(scf(case, Theory("pbe", "6-31g*", coulomb="exact")))
    np.testing.assert_allclose(ours, -gradient.kernel(), atol=1e-6)


@slow
def test_forces_with_a_core_potential():
    case = Molecule(("H", "I"), [[0.1, 0.2, 0.0], [0.0, 0.3, 3.1]])
    force = forces(scf(case, "pbe/def2-svp", conv_tol=1e-9))
    way, difference = along_a_line(
        case, lambda m: float(scf(m, "pbe/def2-svp", conv_tol=1e-9).energy.total), 2e-3
    )
    assert abs(np.sum(force * way) + difference) < 1e-6


def test_no_forces_before_convergence():
    with pytest.raises(
        NotConverged, match=r"no forces without a converged density: .* not converged"
    ):
        forces(scf(molecule("water"), "pbe/sto-3g", max_builds=2))


@slow
@pytest.mark.parametrize("refine", [later(0), 2])
def test_the_gradient_of_a_prediction_is_exact_though_nothing_is_converged(refine, monkeypatch):
    # all of it in float64: the difference quotient needs more digits than the network carries
    for module in (block, response_net):
        monkeypatch.setattr(module, "SINGLE", jnp.float64)
    case = distorted("water")
    network = shaken(block.BlockQPT.create(case, "b3lyp5/6-31g*").with_response_net(), size=0.02)
    prediction = predict(network, case, refine, forces=True)
    assert prediction.commutator > 1e-3
    way, difference = along_a_line(
        case, lambda m: float(predict(network, m, refine).energy.total), 3e-4
    )
    assert abs(np.sum(prediction.forces * way) + difference) < 1e-6
    assert abs(difference) > 1e-3


def with_field(case: Molecule, level: Theory, direction: int) -> Callable[[float], Integrals]:
    """The integrals in a field of some strength along one direction."""
    ints = integrals(case, level)
    moments = tuple(map(jnp.asarray, dipole_integrals(case, level)))
    field = jnp.zeros(3).at[direction].set(1.0)
    return lambda t: in_field(ints, t * field, *moments)


@slow
def test_implicit_differentiation_is_the_unrolled_one():
    case, level = distorted("water"), parse_theory("pbe/6-31g")
    start = jnp.asarray(scf(case, level, conv_tol=1e-11).dm)
    field = with_field(case, level, 2)
    weight = jnp.asarray(np.random.default_rng(1).normal(size=start.shape))

    def implicit(t):
        return jnp.sum(weight * self_consistent(start, field(t)))

    def unrolled(t):
        here = field(t)

        def iterate(fock, _):
            dm = density_from_fock(fock, here.overlap, here.occupation)
            return 0.6 * fock + 0.4 * fock_matrix(dm, here), None

        fock, _ = jax.lax.scan(iterate, fock_matrix(start, here), None, length=60)
        return jnp.sum(weight * density_from_fock(fock, here.overlap, here.occupation))

    backwards = jax.jit(jax.grad(implicit))(0.0)
    assert abs(backwards) > 0.1
    assert abs(backwards - jax.jit(jax.grad(unrolled))(0.0)) < 1e-8
    assert abs(backwards - jax.jit(jax.jacfwd(implicit))(0.0)) < 1e-10


@slow
@pytest.mark.parametrize(
    "name, spin, spec", [later("water", 0, "b3lyp5/6-31g*"), ("formaldehyde", 2, "pbe/sto-3g")]
)
def test_dipole_and_polarizability_are_finite_differences(name, spin, spec):
    case, level = distorted(name, spin=spin), parse_theory(spec)
    result = scf(case, level, conv_tol=1e-10)
    alpha, moment = polarizability(result), dipole(case, level, result.dm)
    assert np.abs(alpha - alpha.T).max() < 1e-9

    def converged(ints):
        for step in scf_iterations(ints, jnp.asarray(result.dm)):
            if max(step.commutator, step.dm_change) < 1e-10:
                return step

    for direction in (0, 2):
        field = with_field(case, level, direction)
        by_energy = slope(lambda t: float(converged(field(t)).energy.total), 2e-3)  # noqa: B023
        assert abs(by_energy + moment[direction]) < 1e-6
        column = slope(lambda t: dipole(case, level, np.asarray(converged(field(t)).dm)), 2e-3)  # noqa: B023
        np.testing.assert_allclose(alpha[:, direction], column, atol=1e-6)


def test_no_polarizability_before_convergence():
    with pytest.raises(NotConverged, match="no polarizability without a converged density"):
        polarizability(scf(molecule("water"), "pbe/sto-3g", max_builds=2))

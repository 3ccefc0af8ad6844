"""Arrays with room for larger molecules give the numbers of those without, and few shapes do."""

from dataclasses import astuple, replace

import equinox as eqx
import jax
import numpy as np
import pytest
from geometries import distorted, linear
from tiers import later, slow

import qptlab as ql
from qptlab.dft import fill, integrals
from qptlab.dft.compiling import jit
from qptlab.dft.forces import integrals_vjp
from qptlab.dft.integrals import default_grid, shape_of
from qptlab.dft.ladder import EMPTY_LEVEL, Shape, filled_up, largest, of_molecule, rung
from qptlab.dft.schemes import build
from qptlab.qpt.gradient_chain import gradient_chain
from qptlab.qpt.labels import label
from qptlab.qpt.losses import parse_loss
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import first_build
from qptlab.qpt.training.step import gradient
from qptlab.theory import Theory, parse_theory

SAME = 1e-10


def roomy(shape: Shape) -> Shape:
    """More room than any rung gives, in every direction."""
    more = Shape(
        n_ao=5, n_occ=2, n_aux=20, n_point=5000, n_shell=3, n_atom=2, widest=2
    )  # fmt: skip
    if not shape.n_aux:
        more = replace(more, n_aux=0)
    return Shape(*(a + b for a, b in zip(astuple(shape), astuple(more), strict=True)))


def largest_difference(one, other) -> float:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max()) for a, b in pairs)


@pytest.mark.parametrize(
    "case, level",
    [
        (distorted("ammonia"), Theory("b3lyp5", "6-31g*")),
        (distorted("water", charge=1, spin=1), Theory("cam-b3lyp", "6-31g")),
        later(linear("N", "N", distance=2.1), Theory("r2scan", "def2-svp")),
        later(distorted("water"), Theory("cam-b3lyp", "sto-3g", coulomb="exact")),
        later(linear("O", "O", distance=2.3, spin=2), Theory("hf", "6-31g")),
    ],
    ids=str,
)
def test_fock_energy_and_their_slopes_are_the_same(case, level):
    grid = default_grid(case, level)
    alone, longer = (integrals(case, level, grid, fit) for fit in (lambda shape: shape, roomy))
    assert len(longer.overlap) == len(alone.overlap) + 5
    assert (longer.n_ao, longer.n_occ) == (alone.n_ao, alone.n_occ)

    @jit
    @eqx.filter_value_and_grad
    def energy_of_second(ints):
        fock = build(ints.dm_guess, ints).fock
        return build(fill(fock, ints.overlap, ints.occupation), ints).energy.total

    (energy, slope), (other, longer_slope) = energy_of_second(alone), energy_of_second(longer)
    assert abs(float(energy - other)) < SAME
    forces = [integrals_vjp(bar, case, level, grid) for bar in (slope, longer_slope)]
    assert largest_difference(*forces) < SAME
    here, there = (jit(build)(ints.dm_guess, ints).fock for ints in (alone, longer))
    assert largest_difference(here, of_molecule(there, longer.shells)) < SAME


@pytest.fixture(scope="module", params=["block", "paper"])
def both(request):
    """A network in float64 with random weights, and a geometry without and with more room."""
    case, level = distorted("ammonia"), "b3lyp5/6-31g*"
    if request.param == "paper":
        network = ql.PaperQPT.create(case, level, size="tiny", seed=3)
    else:
        sizes = {"token": 16, "pair": 8, "layers": 2, "heads": 2, "response": 8}
        network = ql.BlockQPT.create(case, level, seed=3, **sizes)
    keys = iter(jax.random.split(jax.random.key(5), 200))

    def random(leaf):
        if not eqx.is_inexact_array(leaf):
            return leaf
        noise = jax.random.normal(next(keys), leaf.shape, dtype=float)
        return leaf.astype(float) + (0.02 if request.param == "block" else 0.002) * noise

    network = jax.tree.map(random, network)
    pair = [first_build(integrals(case, network.theory, fit=f)) for f in (lambda s: s, roomy)]
    return network, *pair


def test_predictions_are_the_same(both):
    network, alone, longer = both
    here, there = (predict(network, distorted("ammonia"), 2, prepared=p) for p in (alone, longer))
    assert np.abs(here.raw_fock - of_molecule(longer.start, longer.shells)).max() > 1e-3
    for name in ("energy", "dm", "fock", "raw_fock", "energies", "mo_energy"):
        assert largest_difference(getattr(here, name), getattr(there, name)) < SAME, name
    assert here.delta2 == pytest.approx(there.delta2, abs=SAME)
    assert here.commutator == pytest.approx(there.commutator, abs=SAME)


@pytest.mark.parametrize(
    "spec", [later("energy"), "delta2@1", later("commutator"), later("coupling+hamiltonian")]
)
def test_training_gradients_are_the_same(both, spec):
    network, alone, longer = both
    terms = parse_loss(spec)
    fock = ql.scf(distorted("ammonia"), network.theory).fock
    here, there = (
        gradient(network, p, terms.terms, terms.weights(0.0), label(fock, p))
        for p in (alone, longer)
    )
    scale = float(here[2])
    assert scale > 1e-6
    assert abs(float(here[0] - there[0])) < SAME
    assert largest_difference(*(eqx.filter(g[3], eqx.is_inexact_array) for g in (here, there))) < (
        SAME * max(scale, 1.0)
    )


@slow
def test_the_chain_of_gradients_is_the_same(both):
    network, alone, longer = both
    here, there = (gradient_chain(network, p) for p in (alone, longer))
    for name in ("dm", "fock", "delta_fock"):
        assert largest_difference(here.value(name), there.value(name)) < SAME
        assert largest_difference(here.slope(name), there.slope(name)) < 10 * SAME


def test_a_rung_has_room():
    for shape in shapes():
        found = rung(shape)
        assert all(b >= a for a, b in zip(astuple(shape), astuple(found), strict=True))
        assert found.n_shell > shape.n_shell or found.n_ao == shape.n_ao


def test_what_costs_is_not_much_longer():
    """The time of a Fock build grows about as ao² times a constant and occupied orbitals."""
    waste = [
        (b.n_ao / a.n_ao) ** 2 * (0.5 + 0.5 * b.n_occ / a.n_occ)
        for a in shapes()
        for b in [rung(a)]
        if a.n_ao > 40
    ]
    assert np.median(waste) < 1.15 and max(waste) < 1.4


def shapes() -> list[Shape]:
    """Those of the molecules that the general network is trained on."""
    from qptlab.qpt.runs.shipped import FOLDER

    level = parse_theory("hf/def2-svp")
    frames = ql.reading.read_frames(FOLDER / "general.xyz")
    found = [shape_of(m, level, default_grid(m, level)) for m in frames]
    return [replace(shape, n_point=400 * shape.n_ao) for shape in found]


def test_many_molecules_share_few_shapes():
    found = shapes()
    assert len(found) > 100 and len({rung(shape) for shape in found}) <= 36


def test_the_largest_has_room_for_each():
    several = shapes()[:5]
    common = largest(several)
    assert all(
        b >= a for one in several for a, b in zip(astuple(one), astuple(common), strict=True)
    )


def test_matrices_are_filled_up_and_cut_back():
    case, level = distorted("ammonia"), parse_theory("hf/sto-3g")
    ints = integrals(case, level, fit=roomy)
    fock = np.random.default_rng(0).normal(size=(8, 8))
    longer = filled_up(fock, 13, EMPTY_LEVEL)
    np.testing.assert_array_equal(of_molecule(longer, ints.shells), fock)
    np.testing.assert_array_equal(longer[8:, 8:], EMPTY_LEVEL * np.eye(5))
    assert not longer[8:, :8].any()

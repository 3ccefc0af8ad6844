"""Energies, Fock matrices and orbital energies against PySCF on the same grid and integrals."""

import itertools
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted, linear
from tiers import later, rest_slow, slow

from qptlab.dft import TERMS, ScfResult, dipole, energy_and_fock, integrals, orbitals, scf
from qptlab.dft.compiling import jit
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.reference import pyscf_mean_field, pyscf_scf
from qptlab.reference.pyscf_runs import pyscf_terms
from qptlab.theory import FUNCTIONALS, Theory, parse_theory

MOLECULES = ("water", "ammonia", "methane", "N2", "CO", "ethanol", "benzene")
BASES = ("sto-3g", "6-31g*", "def2-svp")
USUAL = ("lda", "pbe", "b3lyp5")
ALL = list(itertools.product(MOLECULES, BASES, USUAL, ("df", "exact")))
# Each molecule and basis once with fitted and once with exact integrals, functionals in turn.
QUICK = [
    (name, basis, USUAL[(i + j + k) % 3], coulomb)
    for (i, name), (j, basis), (k, coulomb) in itertools.product(
        enumerate(MOLECULES), enumerate(BASES), enumerate(("df", "exact"))
    )
]


def pyscf_build(case: Molecule, level: Theory) -> SimpleNamespace:
    """PySCF's terms, Fock matrix and levels of a density; that of its third cycle will do."""
    mf = pyscf_mean_field(case, level)
    mf.max_cycle = 3
    mf.kernel()
    dm = mf.make_rdm1()
    fock = mf.get_fock(dm=dm)
    levels, _ = mf.eig(fock, mf.get_ovlp())
    return SimpleNamespace(dm=dm, energy=pyscf_terms(mf, dm), fock=fock, mo_energy=levels)


def check_agreement(
    case: Molecule, level: Theory, judge: ScfResult | SimpleNamespace | None = None
) -> None:
    """Our energy, terms, Fock matrix and levels of PySCF's density must be PySCF's."""
    judge = judge or pyscf_build(case, level)
    ints = integrals(case, level)
    terms, fock = jit(energy_and_fock)(jnp.asarray(judge.dm), ints)
    mo_energy, _ = jit(orbitals)(fock, ints.overlap)
    assert abs(float(terms.total) - float(judge.energy.total)) < 1e-8
    for term in TERMS:
        assert abs(float(getattr(terms, term)) - float(getattr(judge.energy, term))) < 1e-7, term
    assert np.abs(fock - judge.fock).max() < 1e-7
    assert np.abs(mo_energy - judge.mo_energy).max() < 1e-6


# Every fifth of them at once: each molecule, basis, functional and kind of integrals is met.
@pytest.mark.parametrize("name, basis, xc, coulomb", rest_slow(QUICK, QUICK[::5]))
def test_the_same_density_gives_the_same_energy(name, basis, xc, coulomb):
    case = molecule(name) if name in ("N2", "CO", "benzene") else distorted(name)
    check_agreement(case, Theory(xc, basis, coulomb=coulomb))


@slow
@pytest.mark.parametrize("name, basis, xc, coulomb", [case for case in ALL if case not in QUICK])
def test_the_same_density_gives_the_same_energy_everywhere(name, basis, xc, coulomb):
    check_agreement(molecule(name), Theory(xc, basis, coulomb=coulomb))


EVERY = list(itertools.product(FUNCTIONALS, (0, 2), ("df", "exact")))


# At once each functional with one spin and one kind of integrals, these in turn.
@pytest.mark.parametrize(
    "xc, spin, coulomb",
    rest_slow(EVERY, [EVERY[4 * i + i % 4] for i in range(len(FUNCTIONALS))]),
)
def test_every_functional_for_closed_and_open_shells(xc, spin, coulomb):
    case = distorted("formaldehyde", spin=spin)
    level = Theory(xc, "6-31g*", coulomb=coulomb)
    ours, judge = scf(case, level), pyscf_scf(case, level)
    assert ours.converged and judge.converged
    assert abs(float(ours.energy.total) - float(judge.energy.total)) < 1e-8
    check_agreement(case, level, judge)


@pytest.mark.parametrize(
    "case, spec",
    [
        (linear("H", "I", distance=3.04), "pbe/def2-svp"),  # effective core potential
        later(linear("Cl", "Zn", "Cl", distance=3.95), "lda/6-31g*"),  # f functions on zinc
        (linear("Li", "F", distance=2.96), "b3lyp5/cc-pvtz"),  # f functions, very polar
        later(linear("Na", "Cl", distance=4.46), "pbe/lanl2dz"),  # core potential on one atom
        later(distorted("water", charge=2), "pbe/6-31+g**"),
        (linear("O", "H", distance=1.83, charge=-1), "lda/def2-svpd"),
        later(linear("He", distance=1.0), "b3lyp5/aug-cc-pvdz"),
        later(distorted("silane"), "pbe/ano@4s3p1d"),  # general contractions
    ],
    ids=lambda x: x if isinstance(x, str) else x.formula,
)
def test_elements_and_bases_beyond_the_usual(case, spec):
    check_agreement(case, parse_theory(spec))


@pytest.mark.parametrize(
    "case, spec, coulomb",
    [
        (distorted("water"), "pbe/def2-svp", "df"),
        later(distorted("ethanol"), "b3lyp5/6-31g*", "df"),
        later(molecule("benzene"), "pbe/6-31g*", "df"),
        (molecule("N2"), "b3lyp5/def2-svp", "exact"),
        later(molecule("hydrogen"), "lda/def2-svp", "exact"),
        later(linear("Li", "F", distance=2.96), "pbe/6-31g*", "df"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.formula,
)
def test_our_scf_converges_to_pyscfs(case, spec, coulomb):
    level = parse_theory(spec, coulomb=coulomb)
    ours, judge = scf(case, level), pyscf_scf(case, level)
    assert ours.converged, ours.message
    assert abs(float(ours.energy.total) - float(judge.energy.total)) < 1e-8
    assert np.abs(ours.fock - judge.fock).max() < 1e-7
    assert np.abs(ours.mo_energy - judge.mo_energy).max() < 1e-6
    assert np.abs(ours.dm - judge.dm).max() < 1e-6


@pytest.mark.parametrize(
    "case", [distorted("ethanol"), linear("H", "I", distance=3.04)], ids=["C2H6O", "HI"]
)
def test_the_guess_is_pyscfs_minao(case):
    guess = integrals(case, parse_theory("pbe/def2-svp")).dm_guess
    theirs = pyscf_mean_field(case, "pbe/def2-svp").get_init_guess(key="minao")
    np.testing.assert_allclose(guess, theirs, atol=1e-12)


def test_dipole():
    case = distorted("ethanol")
    judge = pyscf_mean_field(case, "pbe/6-31g*").run()
    theirs = judge.dip_moment(unit="AU", verbose=0)
    np.testing.assert_allclose(
        dipole(case, parse_theory("pbe/6-31g*"), judge.make_rdm1()), theirs, atol=1e-8
    )


def test_pyscf_works_in_memory_however_much_the_process_holds(monkeypatch):
    monkeypatch.setattr("pyscf.lib.current_memory", lambda: (50000.0, 60000.0))
    fitting = pyscf_mean_field(molecule("water"), "lda/sto-3g").with_df.build()
    assert isinstance(fitting._cderi, np.ndarray)  # else the name of a file

"""Operations `energy+fock` and `energy+dE/dF`: one step of an SCF, and one of a training.

Everything that such a step finds at hand is at hand for everyone: grid, integrals, overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from qptlab.bench.compile_time import compile_seconds
from qptlab.bench.machine import energy_and_fock_flops, matmul_gflops
from qptlab.bench.options import Options
from qptlab.bench.race import Race, race
from qptlab.bench.row import Raced
from qptlab.dft import Filled, Integrals, energy, energy_and_fock, fill, fock_matrix, integrals
from qptlab.dft.compiling import jit
from qptlab.molecule import Molecule, molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import Theory

BUILD = "energy+fock"
PYSCF = "pyscf df", "pyscf exact"
OURS = "ours", BUILD
SAME_ENERGY_HA, SAME_FOCK_HA, SAME_AS_PYSCFAD = 1e-8, 1e-7, 1e-6


@dataclass(frozen=True, kw_only=True)
class StepRow(Raced):
    """One step, everything else at hand."""

    peers_s: dict[str, float]  # medians of all peers
    grid_points: int
    orbitals: int
    energy_difference_ha: float  # ours and the peer's; so are other differences, the largest


@dataclass(frozen=True, kw_only=True)
class BuildRow(StepRow):
    """Energy and Fock matrix of a density."""

    operation: str = BUILD
    fock_difference_ha: float
    matmul_gflop: float  # 10⁹ operations in our matrix products
    gflops: float  # 10⁹ operations/s, ours
    peak_gflops: float  # of one large product
    share_of_peak: float

    def agrees(self) -> bool:
        """Whether energies and Fock matrices do."""
        energies = self.energy_difference_ha <= SAME_ENERGY_HA
        return energies and self.fock_difference_ha <= SAME_FOCK_HA


@dataclass(frozen=True, kw_only=True)
class SlopeRow(StepRow):
    """Energy of D(F) and its gradient dE/dF."""

    operation: str = "energy+dE/dF"
    slope_difference: float  # without unit
    ratio_to_energy_and_fock: float  # of our seconds

    def agrees(self) -> bool:
        """Whether energies and gradients do."""
        if self.program == "pyscfad":
            return max(self.energy_difference_ha, self.slope_difference) <= SAME_AS_PYSCFAD
        energies = self.energy_difference_ha <= SAME_ENERGY_HA
        return energies and self.slope_difference <= SAME_FOCK_HA


@dataclass(frozen=True)
class Stage:
    """What the steps of one case share.

    Attributes:
        fock: F[D] of the starting guess, (ao, ao), hartree.
        filled: the density that it leads to: that of the second SCF iteration.
        peers: PySCF's mean fields by name, the fitted first.
    """

    name: str
    molecule: Molecule
    theory: Theory
    ints: Integrals
    fock: jax.Array
    filled: Filled
    peers: dict

    def fields(self, options: Options) -> dict:
        """What every row begins with."""
        return {
            "case": self.name,
            "theory": str(self.theory),
            "threads": options.threads,
            "grid_points": int(self.ints.grid_weights.size),
            "orbitals": self.ints.n_ao,
        }


def step_rows(case: str, theory: Theory, options: Options) -> Iterator[StepRow]:
    """One of the build, and one or two of the gradient."""
    on = _stage(case, theory)
    yield _build_row(on, options)
    yield from _slope_rows(on, options)


def _stage(case: str, theory: Theory) -> Stage:
    """Make everything ready."""
    mol = molecule(case)
    ints = integrals(mol, theory)
    fock = jax.block_until_ready(jit(fock_matrix)(ints.dm_guess, ints))
    return Stage(
        name=case,
        molecule=mol,
        theory=theory,
        ints=ints,
        fock=fock,
        filled=jax.block_until_ready(jit(fill)(fock, ints.overlap, ints.occupation)),
        peers={
            name: pyscf_work.prepared(mol, replace(theory, coulomb=name.split()[1]))
            for name in PYSCF
        },
    )


def _build_row(on: Stage, options: Options) -> BuildRow:
    """`energy+fock` of the same density, its orbitals known to both programs."""
    h_core = np.asarray(on.ints.h_core)
    dm = pyscf_work.tagged_density(np.asarray(on.filled.orbitals))
    jitted = jit(energy_and_fock)

    def ours():
        return jax.block_until_ready(jitted(on.filled, on.ints))

    def by(name):
        return pyscf_work.energy_and_fock(on.peers[name], dm, h_core)

    compiling = compile_seconds(ours)
    times = _race(ours, by, options)
    (terms, fock), (judge_energy, judge_fock) = ours(), by(PYSCF[0])
    flops = energy_and_fock_flops(on.ints)
    gflops, peak = flops / times.median("ours") / 1e9, matmul_gflops()
    return BuildRow(
        **on.fields(options),
        **_against_the_faster(times),
        compile_s=compiling,
        energy_difference_ha=abs(float(terms.total) - judge_energy),
        fock_difference_ha=float(np.abs(np.asarray(fock) - judge_fock).max()),
        matmul_gflop=flops / 1e9,
        gflops=gflops,
        peak_gflops=peak,
        share_of_peak=gflops / peak,
    )


def _slope_rows(on: Stage, options: Options) -> list[SlopeRow]:
    """`energy+dE/dF` of a Fock matrix, against PySCF by hand and, where asked for, pyscfad.

    Our own `energy+fock` runs in the same race, to be set beside.
    """
    jitted, build = _energy_and_slope(), jit(energy_and_fock)
    overlap, h_core = np.asarray(on.ints.overlap), np.asarray(on.ints.h_core)
    fock = np.asarray(on.fock)

    def ours():
        return jax.block_until_ready(jitted(on.fock, on.ints))

    def by(name):
        return pyscf_work.energy_and_slope(on.peers[name], fock, overlap, h_core)

    compiling = compile_seconds(ours)
    jax.block_until_ready(build(on.filled, on.ints))
    beside = {BUILD: lambda: lambda: jax.block_until_ready(build(on.filled, on.ints))}
    times = _race(ours, by, options, beside)
    found = [_against_the_faster(times) | _differences(ours(), by(PYSCF[0]))]
    if on.name in options.peer_cases and pyscfad_work.is_installed():
        found.append(_against_pyscfad(on, ours, options))
    shared = on.fields(options) | {
        "compile_s": compiling,
        "ratio_to_energy_and_fock": times.median("ours") / times.median(BUILD),
    }
    return [SlopeRow(**shared, **fields) for fields in found]


def _energy_and_slope():
    def total(fock, ints):
        return energy(fill(fock, ints.overlap, ints.occupation), ints).total

    return jit(jax.value_and_grad(total))


def _against_pyscfad(on: Stage, ours, options: Options) -> dict:
    """The faster of pyscfad's fitted and exact derivative; each is held to ours of its kind."""
    names = {f"pyscfad {coulomb}": coulomb for coulomb in ("df", "exact")}
    works, checks = {}, {}
    for name, coulomb in names.items():
        level = replace(on.theory, coulomb=coulomb)
        works[name] = pyscfad_work.energy_and_slope(on.molecule, level)
        ints = on.ints if coulomb == "df" else integrals(on.molecule, level)
        checks[name] = _differences(_energy_and_slope()(on.fock, ints), works[name](on.fock))

    def turn(name):
        return lambda: lambda: jax.block_until_ready(works[name](on.fock))

    contestants = {"ours": lambda: ours} | {name: turn(name) for name in names}
    times = race(contestants, options.rounds)
    return _against_the_faster(times) | checks[times.fastest("ours")]


def _race(ours, by, options: Options, beside: dict | None = None) -> Race:
    contestants = {"ours": lambda: ours, **(beside or {})}
    contestants |= {name: (lambda name=name: lambda: by(name)) for name in PYSCF}
    return race(contestants, options.rounds, ours=OURS)


def _against_the_faster(times: Race) -> dict:
    peers = {name: s for name, s in times.medians().items() if name not in OURS}
    return times.compared("ours", times.fastest(*OURS)) | {"peers_s": peers}


def _differences(ours: tuple, theirs: tuple) -> dict:
    """Of energies and their derivatives by F."""
    (energy_ours, slope_ours), (energy_theirs, slope_theirs) = ours, theirs
    difference = jnp.asarray(slope_ours) - jnp.asarray(slope_theirs)
    return {
        "energy_difference_ha": abs(float(energy_ours) - float(energy_theirs)),
        "slope_difference": float(jnp.abs(difference).max()),
    }

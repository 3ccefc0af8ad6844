"""What the bench `dft` times: the steps `energy+fock` and `energy+dE/dF`, and a whole `scf`.

Everything that a step of an SCF or of a training finds at hand is at hand for everyone: grid,
integrals, overlap. An SCF goes from a molecule to its converged energy, as PySCF's `kernel()` does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from qptlab.bench.machine import energy_and_fock_flops, matmul_gflops
from qptlab.bench.memory import peak_mb
from qptlab.bench.options import Options
from qptlab.bench.race import Race, Work, compile_seconds, race
from qptlab.bench.row import Raced
from qptlab.dft import Integrals, energy, energy_and_fock, fill, fock_matrix, integrals, scf
from qptlab.dft.compiling import jit
from qptlab.dft.ladder import of_molecule, rung
from qptlab.dft.size import size
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import Theory

BUILD = "energy+fock"
SAME_ENERGY_HA, SAME_FOCK_HA, SAME_AS_PYSCFAD = 1e-8, 1e-7, 1e-6
CONV_TOL = 1e-6
"""What our SCF converges max |FDS − SDF| (hartree) and max |ΔD| (electrons) to.

PySCF stops at its defaults, a change in energy below 1e-9 Ha with an orbital gradient below
3e-5 Ha, and then makes one more cycle, which leaves a gradient of 1e-6 to 1e-5 Ha. At 1e-6 ours
ends below that. The columns `error_*_ha` (against an energy converged to 1e-12 Ha) and
`orbital_gradient_*` (2 F_ai, its norm) show what either reached.
"""


@dataclass(frozen=True, kw_only=True)
class StepRow(Raced):
    """One step, everything else at hand."""

    peers_s: dict[str, float]  # medians of all peers
    grid_points: int
    orbitals: int
    energy_difference_ha: float  # ours and the peer's; so are other differences, the largest

    def alike(self, difference: float) -> bool:
        """Whether energies are, and what else was compared."""
        if self.program == "pyscfad":
            return max(self.energy_difference_ha, difference) <= SAME_AS_PYSCFAD
        return self.energy_difference_ha <= SAME_ENERGY_HA and difference <= SAME_FOCK_HA


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
        return self.alike(self.fock_difference_ha)


@dataclass(frozen=True, kw_only=True)
class SlopeRow(StepRow):
    """Energy of D(F) and its gradient dE/dF."""

    operation: str = "energy+dE/dF"
    slope_difference: float  # without unit
    ratio_to_energy_and_fock: float  # of our seconds

    def agrees(self) -> bool:
        return self.alike(self.slope_difference)


@dataclass(frozen=True, kw_only=True)
class ScfRow(Raced):
    """From a molecule to its converged energy."""

    operation: str = "scf"
    peers_s: dict[str, float]  # medians of all peers
    converged: bool  # both
    error_ours_ha: float
    error_pyscf_ha: float
    orbital_gradient_ours: float  # hartree
    orbital_gradient_pyscf: float
    fock_builds_ours: int
    fock_builds_pyscf: int
    peak_mb_ours: float  # resident memory of a fresh process
    peak_mb_pyscf_df: float

    def agrees(self) -> bool:
        return self.converged


def scf_row(case: str, theory: Theory, options: Options) -> ScfRow:
    """The row of one case. Both start from a molecule whose basis set is already read.

    Integrals, grid and everything else are inside; PySCF is the faster of exact and fitted.
    Errors are those of either's energy from that of the fitted theory.
    """
    mol = molecule(case)
    ours = partial(scf, mol, theory, conv_tol=CONV_TOL)

    def pyscf(coulomb: str):
        return lambda: pyscf_work.unconverged(mol, replace(theory, coulomb=coulomb)).kernel

    jax.clear_caches()
    compiling = compile_seconds(ours)
    contestants = {"ours": lambda: ours, "pyscf df": pyscf("df"), "pyscf exact": pyscf("exact")}
    times = race(contestants, options.rounds, turn_seconds=0)
    result, mf = ours(), pyscf_work.unconverged(mol, theory)
    count = pyscf_work.count_builds(mf)
    energy_pyscf = float(mf.kernel())
    builds_pyscf, dm = count[0], np.asarray(mf.make_rdm1())
    tight = pyscf_work.tight_energy(mol, theory, dm)
    return ScfRow(
        **options.known(case, theory),
        **times.beside_the_fastest("ours"),
        compile_s=compiling,
        converged=bool(result.converged and mf.converged),
        error_ours_ha=float(result.energy.total) - tight,
        error_pyscf_ha=energy_pyscf - tight,
        orbital_gradient_ours=pyscf_work.gradient_norm(mf, result.dm, result.fock),
        orbital_gradient_pyscf=pyscf_work.gradient_norm(mf, dm, np.asarray(mf.get_fock(dm=dm))),
        fock_builds_ours=result.fock_builds,
        fock_builds_pyscf=builds_pyscf,
        peak_mb_ours=peak_mb("ours", case, str(theory), options),
        peak_mb_pyscf_df=peak_mb("pyscf", case, str(theory), options),
    )


def step_rows(case: str, theory: Theory, options: Options) -> Iterator[StepRow]:
    """One of the build, and one or two of the gradient, against PySCF by hand and pyscfad.

    The Fock matrix F is that of the starting guess, and the density the one that it leads to: that
    of the second SCF iteration, whose orbitals are known to both programs.
    """
    mol = molecule(case)
    ints, told = integrals(mol, theory, fit=rung), size(mol, theory)
    own = partial(of_molecule, shells=ints.shells)
    fock = _compiled(fock_matrix, ints.dm_guess, ints)()
    filled = _compiled(fill, fock, ints.overlap, ints.occupation)()
    h_core, overlap = own(ints.h_core), own(ints.overlap)
    dm = pyscf_work.tagged_density(np.asarray(filled.orbitals)[: told.n_ao, : told.n_occ])
    mean_fields = {
        f"pyscf {coulomb}": pyscf_work.prepared(mol, replace(theory, coulomb=coulomb))
        for coulomb in ("df", "exact")
    }

    def by_pyscf(work: Callable, *given) -> dict[str, Work]:
        return {name: partial(work, mf, *given) for name, mf in mean_fields.items()}

    shape = {"grid_points": told.n_grid, "orbitals": told.n_ao}
    known = options.known(case, theory) | shape

    build = _compiled(energy_and_fock, filled, ints)
    compiling = compile_seconds(build)
    peers = by_pyscf(pyscf_work.energy_and_fock, dm, h_core)
    times = _race({"ours": build, **peers}, options)
    terms, built = build()
    flops = energy_and_fock_flops(told, len(ints.exchange))
    gflops, peak = flops / times.median("ours") / 1e9, matmul_gflops()
    yield BuildRow(
        **known,
        **times.beside_the_fastest("ours"),
        **_differences((terms.total, own(built)), peers["pyscf df"](), "fock_difference_ha"),
        compile_s=compiling,
        matmul_gflop=flops / 1e9,
        gflops=gflops,
        peak_gflops=peak,
        share_of_peak=gflops / peak,
    )

    slope = _compiled(_energy_and_slope, fock, ints)
    known["compile_s"] = compile_seconds(slope)
    peers = by_pyscf(pyscf_work.energy_and_slope, own(fock), overlap, h_core)
    # our own build runs in the same race, to be set beside
    times = _race({"ours": slope, BUILD: build, **peers}, options)
    known["ratio_to_energy_and_fock"] = times.median("ours") / times.median(BUILD)
    total, by_fock = slope()
    same = _differences((total, own(by_fock)), peers["pyscf df"](), "slope_difference")
    yield SlopeRow(**known, **times.beside_the_fastest("ours", BUILD), **same)
    if case in options.peer_cases and pyscfad_work.is_installed():
        yield SlopeRow(
            **known, **_against_pyscfad(mol, theory, jnp.asarray(own(fock)), slope, options)
        )


@jax.value_and_grad
def _energy_and_slope(fock: jax.Array, ints: Integrals) -> jax.Array:
    """E(D(F)), hartree, and with it dE/dF."""
    return energy(fill(fock, ints.overlap, ints.occupation), ints).total


def _against_pyscfad(
    mol: Molecule, theory: Theory, fock: jax.Array, ours: Work, options: Options
) -> dict:
    """The faster of pyscfad's fitted and exact derivative; each is held to ours of its kind."""
    works, checks = {}, {}
    for coulomb in ("df", "exact"):
        name, level = f"pyscfad {coulomb}", replace(theory, coulomb=coulomb)
        works[name] = _waited_for(pyscfad_work.energy_and_slope(mol, level), fock)
        same = _compiled(_energy_and_slope, fock, integrals(mol, level))()
        checks[name] = _differences(same, works[name](), "slope_difference")
    compared = _race({"ours": ours, **works}, options).beside_the_fastest("ours")
    return compared | checks[compared["peer"]]


def _compiled(function: Callable, *given) -> Work:
    return _waited_for(jit(function), *given)


def _waited_for(function: Callable, *given) -> Work:
    return lambda: jax.block_until_ready(function(*given))


def _race(works: dict[str, Work], options: Options) -> Race:
    """Nobody has anything to make ready."""
    contestants = {name: lambda work=work: work for name, work in works.items()}
    return race(contestants, options.rounds, ours=("ours", BUILD))


def _differences(ours: tuple, theirs: tuple, name: str) -> dict[str, float]:
    """Of energies, and the largest of the matrices that come with them, under `name`."""
    (energy_ours, matrix), (energy_theirs, other) = ours, theirs
    return {
        "energy_difference_ha": abs(float(energy_ours) - float(energy_theirs)),
        name: float(np.abs(np.asarray(matrix) - np.asarray(other)).max()),
    }

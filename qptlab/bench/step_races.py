"""Operations `energy+fock` and `energy+dE/dF`: one step of an SCF, and one of a training.

Everything that such a step finds at hand is at hand for everyone: grid, integrals, overlap.
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from qptlab.bench.compile_time import compile_seconds
from qptlab.bench.machine import energy_and_fock_flops, matmul_gflops
from qptlab.bench.options import Options
from qptlab.bench.race import Race, race
from qptlab.dft import Filled, Integrals, energy, energy_and_fock, fill, fock_matrix, integrals
from qptlab.dft.compiling import jit
from qptlab.molecule import Molecule, molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import Theory

BUILD, SLOPE = "energy+fock", "energy+dE/dF"
PYSCF = "pyscf df", "pyscf exact"
OURS = "ours", BUILD


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

    def columns(self, operation: str, options: Options) -> dict:
        """What every row begins with."""
        return {
            "case": self.name,
            "theory": str(self.theory),
            "operation": operation,
            "threads": options.threads,
            "grid_points": int(self.ints.grid_weights.size),
            "orbitals": self.ints.n_ao,
        }


def stage(case: str, index: int, options: Options) -> Stage:
    """Make everything ready."""
    theory, mol = options.theory(index), molecule(case)
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


def build_row(on: Stage, options: Options) -> dict:
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
    return {
        **on.columns(BUILD, options),
        **_against_the_faster(times),
        "compile_s": compiling,
        "energy_difference_ha": abs(float(terms.total) - judge_energy),
        "fock_difference_ha": float(np.abs(np.asarray(fock) - judge_fock).max()),
        "matmul_gflop": flops / 1e9,
        "gflops": gflops,
        "peak_gflops": peak,
        "share_of_peak": gflops / peak,
    }


def slope_rows(on: Stage, options: Options) -> list[dict]:
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
    rows = [_against_the_faster(times) | _differences(ours(), by(PYSCF[0]))]
    if on.name in options.peer_cases and pyscfad_work.is_installed():
        rows.append(_against_pyscfad(on, ours, options))
    for row in rows:
        row |= on.columns(SLOPE, options)
        row["compile_s"] = compiling
        row["ratio_to_energy_and_fock"] = times.median("ours") / times.median(BUILD)
    return rows


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

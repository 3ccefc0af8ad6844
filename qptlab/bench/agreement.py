"""The bench `agreement`: every functional, closed and open, against PySCF and finite differences.

Molecules are distorted, so that no symmetry hides an error.
"""

import os
import sys
import time
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from qptlab.bench.compile_time import compile_seconds
from qptlab.bench.machine import machine
from qptlab.bench.options import Options
from qptlab.dft import ScfResult, dipole, forces, integrals, polarizability, scf, scf_iterations
from qptlab.dft.integrals import Integrals, dipole_integrals
from qptlab.dft.properties import in_field
from qptlab.molecule import Molecule, molecule
from qptlab.reference import compare, pyscf_scf
from qptlab.theory import Theory

TIGHT = 1e-10
"""Convergence, so that difference quotients keep their digits."""
MOVE, FIELD = 1e-3, 2e-3
"""Steps of the difference quotients, bohr and atomic units of field."""
NOISE = 0.08
"""Of the distortion, bohr."""


def report(options: Options) -> dict:
    """Machine, rows and the largest of each difference. Lines of progress go to stderr."""
    described = machine(options.threads)
    rows = []
    for case in options.cases:
        for index, name in enumerate(options.theories):
            print(f"{case}, {name}", file=sys.stderr, flush=True)
            rows.append(_row(case, options.theory(index), options.threads))
    described["load_average_after"] = list(os.getloadavg())
    names = [name for name in rows[0] if name.startswith("difference_")]
    largest = {name: max(row[name] for row in rows) for name in names}
    return {"bench": "agreement", "machine": described, "rows": rows, "summary": largest}


def _row(case: str, theory: Theory, threads: int) -> dict:
    """Largest absolute differences, in atomic units, of one functional for one molecule."""
    known = molecule(case)
    noise = np.random.default_rng(1).normal(size=known.positions.shape)
    mol = known.with_positions(known.positions + NOISE * noise)
    compiling = compile_seconds(lambda: scf(mol, theory, conv_tol=TIGHT))
    result = scf(mol, theory, conv_tol=TIGHT)
    ours_s, peer_s = _seconds(lambda: scf(mol, theory)), _seconds(lambda: pyscf_scf(mol, theory))
    return {
        "case": case,
        "theory": str(theory),
        "shell": "open" if mol.spin else "closed",
        **_against_pyscf(mol, theory),
        "difference_force": _force_difference(result),
        **_field_differences(result),
        "ours_s": ours_s,
        "peer_s": peer_s,
        "ratio": ours_s / peer_s,
        "threads": threads,
        "compile_s": compiling,
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _against_pyscf(mol: Molecule, theory: Theory) -> dict[str, float]:
    """Total energies and Fock matrices, fitted and exact."""
    found = {}
    for coulomb in ("df", "exact"):
        same = compare(scf(mol, Theory(theory.xc, theory.basis, theory.grid, coulomb)))
        ours, theirs = same.terms["total"]
        found[f"difference_energy_{coulomb}"] = abs(ours - theirs)
        found[f"difference_fock_{coulomb}"] = same.fock
    return found


def _force_difference(result: ScfResult) -> float:
    """Of the force along a random direction."""
    mol, way = (
        result.molecule,
        np.random.default_rng(0).normal(size=(len(result.molecule.symbols), 3)),
    )

    def total(t: float) -> float:
        moved = mol.with_positions(mol.positions + t * way)
        return float(scf(moved, result.theory, dm0=result.dm, conv_tol=TIGHT).energy.total)

    return abs(float(np.sum(forces(result) * way)) + float(_slope(total, MOVE)))


def _field_differences(result: ScfResult) -> dict[str, float]:
    """Of the dipole, as a derivative of the energy, and of a column of the polarizability."""
    mol, theory = result.molecule, result.theory
    ints, axis = integrals(mol, theory), 2
    moments = tuple(map(jnp.asarray, dipole_integrals(mol, theory)))

    def answer(t: float) -> np.ndarray:
        field = jnp.zeros(3).at[axis].set(t)
        step = _converged(in_field(ints, field, *moments), result)
        return np.append(dipole(mol, theory, np.asarray(step.dm)), float(step.energy.total))

    slopes = _slope(answer, FIELD)
    moment = dipole(mol, theory, result.dm)
    return {
        "difference_dipole": abs(float(slopes[3] + moment[axis])),
        "difference_polarizability": float(
            np.abs(slopes[:3] - polarizability(result)[:, axis]).max()
        ),
    }


def _converged(ints: Integrals, start: ScfResult):
    """The last SCF step with these integrals."""
    for step in scf_iterations(ints, jnp.asarray(start.dm)):
        if max(step.commutator, step.dm_change) < TIGHT:
            return step


def _slope(function: Callable[[float], np.ndarray | float], step: float):
    """f'(0), to fourth order in the step."""
    near, far = (function(t) - function(-t) for t in (step, 2 * step))
    return (8 * near - far) / (12 * step)

"""The bench `agreement`: every functional, closed and open, against PySCF and finite differences.

Molecules are distorted, so that no symmetry hides an error.
"""

import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import jax.numpy as jnp
import numpy as np

from qptlab.bench.options import Options
from qptlab.bench.race import compile_seconds
from qptlab.bench.row import Compared
from qptlab.bench.table import Table, functional, table
from qptlab.dft import ScfResult, dipole, forces, integrals, polarizability, scf, scf_iterations
from qptlab.dft.integrals import dipole_integrals
from qptlab.dft.properties import in_field
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.reference import compare, pyscf_scf
from qptlab.theory import Theory

TIGHT = 1e-10
"""Convergence, so that difference quotients keep their digits."""
MOVE, FIELD = 1e-3, 2e-3
"""Steps of the difference quotients, bohr and atomic units of field."""
NOISE = 0.08
"""Of the distortion, bohr."""
COLUMNS = {
    "functional": functional,
    "shell": "{shell}",
    "energy": "{difference_energy_df:.0e}",
    "exact": "{difference_energy_exact:.0e}",
    "Fock": "{difference_fock_df:.0e}",
    "Fock, exact": "{difference_fock_exact:.0e}",
    "force": "{difference_force:.0e}",
    "dipole": "{difference_dipole:.0e}",
    "polarizability": "{difference_polarizability:.0e}",
}


@dataclass(frozen=True, kw_only=True)
class AgreementRow(Compared):
    """Largest absolute differences, in atomic units, of one functional for one molecule."""

    shell: str  # "open" or "closed"
    difference_energy_df: float  # from PySCF's, as three more
    difference_fock_df: float
    difference_energy_exact: float
    difference_fock_exact: float
    difference_force: float  # from difference quotients, as what follows
    difference_dipole: float
    difference_polarizability: float


def rows(options: Options) -> Iterator[AgreementRow]:
    for case, theory in options.pairs():
        known = molecule(case)
        noise = np.random.default_rng(1).normal(size=known.positions.shape)
        mol = known.with_positions(known.positions + NOISE * noise)
        tight = partial(scf, mol, theory, conv_tol=TIGHT)
        compiling, result = compile_seconds(tight), tight()
        ours_s = timeit.timeit(partial(scf, mol, theory), number=1)
        peer_s = timeit.timeit(partial(pyscf_scf, mol, theory), number=1)
        yield AgreementRow(
            **options.known(case, theory),
            shell="open" if mol.spin else "closed",
            **_against_pyscf(mol, theory),
            difference_force=_force_difference(result),
            **_field_differences(result),
            ours_s=ours_s,
            peer_s=peer_s,
            ratio=ours_s / peer_s,
            compile_s=compiling,
        )


def summary(rows: list[AgreementRow]) -> dict[str, float]:
    """The largest of each difference."""
    names = [field.name for field in fields(AgreementRow) if field.name.startswith("difference_")]
    return {name: max(getattr(row, name) for row in rows) for name in names}


def tables(report: dict) -> list[Table]:
    caption = "energy and Fock matrix: PySCF; force, dipole, polarizability: finite differences"
    title = "largest differences, atomic units"
    return [table(title, COLUMNS, report["rows"], caption=caption, text_columns=2)]


def _against_pyscf(mol: Molecule, theory: Theory) -> dict[str, float]:
    """Total energies and Fock matrices, fitted and exact."""
    found = {}
    for coulomb in ("df", "exact"):
        same = compare(scf(mol, replace(theory, coulomb=coulomb)))
        ours, theirs = same.terms["total"]
        found[f"difference_energy_{coulomb}"] = abs(ours - theirs)
        found[f"difference_fock_{coulomb}"] = same.fock
    return found


def _force_difference(result: ScfResult) -> float:
    """Of the force along a random direction."""
    mol = result.molecule
    way = np.random.default_rng(0).normal(size=mol.positions.shape)

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
        steps = scf_iterations(in_field(ints, field, *moments), jnp.asarray(result.dm))
        step = next(step for step in steps if step.error < TIGHT)
        return np.append(dipole(mol, theory, np.asarray(step.dm)), float(step.energy.total))

    slopes = _slope(answer, FIELD)
    moment = dipole(mol, theory, result.dm)
    column = polarizability(result)[:, axis]
    return {
        "difference_dipole": abs(float(slopes[3] + moment[axis])),
        "difference_polarizability": float(np.abs(slopes[:3] - column).max()),
    }


def _slope(function: Callable[[float], np.ndarray | float], step: float):
    """f'(0), to fourth order in the step."""
    near, far = (function(t) - function(-t) for t in (step, 2 * step))
    return (8 * near - far) / (12 * step)

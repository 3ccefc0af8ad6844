"""The bench `first`: seconds from a command to its answer, in fresh processes and in a live one.

The shipped network `general` with `REFINES` refining iterations, beside PySCF's SCF from minao to
the same energy error: same grid, basis and fitting, in a fresh process that imports PySCF alone,
and live. Ours is measured with an empty cache of compiled programs, once more with the cache that
this left, and live, after another geometry of the molecule, which has the same programs. `other`
is after another molecule of about the size; a column tells how many programs it had to compile.
"""

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qptlab.bench import first_ours
from qptlab.bench.first_cases import case_molecule, companion, moved
from qptlab.bench.first_rows import JUDGED, FirstRow, median_of, seconds_to_error, summary, tables
from qptlab.bench.launch import run_alone
from qptlab.bench.options import Options, say
from qptlab.dft.mol import AUX_BASIS
from qptlab.molecule import Molecule
from qptlab.qpt.runs.models import load
from qptlab.reference import pyscf_first
from qptlab.theory import FUNCTIONALS, Theory

__all__ = ["rows", "summary", "tables"]

MODEL = "general"
REFINES = 0, 2, 3
LIVE = 3
"""Geometries predicted live."""
OURS, PYSCF = Path(first_ours.__file__), Path(pyscf_first.__file__)


@dataclass(frozen=True)
class Measured:
    """What the processes of one round told, by refining iterations where that matters."""

    empty: dict[int, dict]
    warm: dict[int, dict]
    live: dict[int, list[dict]]
    pyscf: dict
    guess_s: float


def rows(options: Options) -> Iterator[FirstRow]:
    """One for each molecule and number of refining iterations."""
    theory = load(MODEL).theory
    for case in options.cases:
        mol = case_molecule(case)
        say(f"{case}, {mol.formula}")
        rounds = [_round(case, mol, theory, options) for _ in range(options.rounds)]
        for refine in REFINES:
            known = options.known(case, theory)
            yield FirstRow(**known, **_figures(rounds, refine), atoms=len(mol.symbols))


def _round(case: str, mol: Molecule, theory: Theory, options: Options) -> Measured:
    """Everyone once, so that what disturbs the machine disturbs them alike."""
    empty, warm, live = {}, {}, {}
    before = case_molecule(companion(case))
    after = [mol, *(moved(mol, seed) for seed in range(LIVE))]
    with tempfile.TemporaryDirectory() as folder:

        def ours(refine: int, *several: Molecule, guess: bool = False) -> dict:
            given = [(one.symbols, one.positions.tolist()) for one in several]
            job = {"model": MODEL, "refine": refine, "molecules": given, "guess": guess}
            return run_alone(OURS, job, options, Path(folder) / str(refine))

        for refine in REFINES:
            empty[refine], warm[refine] = ours(refine, mol), ours(refine, mol)
            live[refine] = ours(refine, before, *after)["later"]
        ours(JUDGED, mol, guess=True)  # so that all that it needs is in the cache
        pyscf = run_alone(PYSCF, _told(mol, theory), options, Path(folder))
        guess = ours(JUDGED, mol, guess=True)
    return Measured(empty, warm, live, pyscf, guess["seconds"])


def _told(mol: Molecule, theory: Theory) -> dict:
    """What PySCF is to compute, for `pyscf_first`."""
    return {
        "atom": list(zip(mol.symbols, mol.positions.tolist(), strict=True)),
        "basis": theory.basis,
        "auxbasis": AUX_BASIS,
        "xc": FUNCTIONALS[theory.xc],
        "grid": theory.grid,
    }


def _figures(rounds: list[Measured], refine: int) -> dict:
    """The medians of a row."""
    exact = rounds[0].pyscf["energy"]
    error = abs(rounds[0].warm[refine]["energy"] - exact)
    peers = {
        start: statistics.median(seconds_to_error(one.pyscf[start], exact, error) for one in rounds)
        for start in ("fresh", "live")
    }
    empty = median_of([one.empty[refine] for one in rounds])
    warm = median_of([one.warm[refine] for one in rounds])
    other = median_of([one.live[refine][0] for one in rounds])
    live = median_of([again for one in rounds for again in one.live[refine][1:]])
    guess = statistics.median(one.guess_s for one in rounds)
    minao = statistics.median(one.pyscf["fresh"]["converged_s"] for one in rounds)
    judged = refine == JUDGED
    return {
        "refine": refine,
        "rounds": len(rounds),
        "error_ha": error,
        "ours_s": warm["seconds"],
        "peer_s": peers["fresh"],
        "ratio": warm["seconds"] / peers["fresh"],
        "compile_s": empty["trace_s"] + empty["lower_s"] + empty["compile_s"],
        "empty": empty,
        "warm": warm,
        "live_s": live["seconds"],
        "live_peer_s": peers["live"],
        "live_ratio": live["seconds"] / peers["live"],
        "live_programs": live["programs"],
        "other_s": other["seconds"],
        "other_programs": other["programs"],
        "guess_s": guess if judged else None,
        "minao_s": minao if judged else None,
        "guess_ratio": guess / minao if judged else None,
    }

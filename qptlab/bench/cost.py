"""The bench `cost`: seconds to an error, without labels against labels and supervised training.

Same network, geometries, batch, schedule and threads for all; PySCF is the judge. A supervised
training is charged its labels, computed one after the other on all threads, and may then use them
without end. Everyone is charged the compilation of their own programs, measured once. Each
training has a time of its own and a learning rate that falls to zero in it: an error is what can
be had in that time.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import numpy as np

from qptlab.bench.cost_summary import LABEL_FREE, LOSSES, MEASURES, CostRow, figure, summary, tables
from qptlab.bench.options import Options, say
from qptlab.dft import ScfResult
from qptlab.dft.compiling import jit
from qptlab.dft.ladder import of_molecule
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.pipeline import propose, refine
from qptlab.qpt.prepared import Prepared, prepare
from qptlab.qpt.sampling import TRAIN, VALIDATION, Sampler, wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.reference import pyscf_fock, pyscf_scf
from qptlab.theory import Theory

__all__ = ["figure", "rows", "summary", "tables"]

SHARES = 1 / 27, 1 / 9, 1 / 3, 1
"""Of `options.minutes`: what the trainings of a contestant take."""
N_VALIDATION, REFINE, SEED = 16, 3, 0


@dataclass(frozen=True)
class Case:
    """What all contestants share.

    Attributes:
        judged: validation geometries with PySCF's converged calculation of each.
        focks: labels by geometry, hartree. label_seconds: what each of them took, in order.
    """

    name: str
    theory: Theory
    sampler: Sampler
    judged: list[tuple[Prepared, ScfResult]]
    focks: dict[Molecule, np.ndarray]
    label_seconds: list[float]


def rows(options: Options) -> Iterator[CostRow]:
    """One for each training."""
    for name, theory in options.pairs():
        case = _case(name, theory, options.labels[-1])
        for loss in LOSSES:
            yield from _rows(case, loss, options)


def _case(name: str, theory: Theory, n_labels: int) -> Case:
    """References, which nobody is charged, and labels."""
    say(f"  {N_VALIDATION} references, {n_labels} labels")
    sampler = wiggle(molecule(name))
    unseen = [sampler(VALIDATION, SEED, index) for index in range(N_VALIDATION)]
    judged = [(prepare(geometry, theory), pyscf_scf(geometry, theory)) for geometry in unseen]
    focks, seconds = {}, []
    for index in range(n_labels):
        geometry = sampler(TRAIN, SEED, index)
        started = time.perf_counter()
        focks[geometry] = pyscf_fock(geometry, theory)
        seconds.append(time.perf_counter() - started)
    return Case(name, theory, sampler, judged, focks, seconds)


def _rows(case: Case, loss: str, options: Options) -> Iterator[CostRow]:
    """One row for each training with a loss."""
    counts = (0,) if loss == LABEL_FREE else options.labels
    compile_s = _compile_seconds(case, loss, counts[0])
    for count in counts:
        for share in SHARES:
            run = _training(case, loss, count, minutes=share * options.minutes)
            *_, last = run
            label_s = sum(case.label_seconds[:count])
            yield CostRow(
                **options.known(case.name, case.theory),
                loss=loss,
                labels=count,
                lr=run.lr,
                label_s=label_s,
                compile_s=compile_s,
                train_s=last.seconds,
                total_s=label_s + compile_s + last.seconds,
                steps=last.step,
                **_errors(run.model, case.judged),
            )


def _training(case: Case, loss: str, count: int, **limit) -> Training:
    config = TrainConfig(loss=loss, geometries=count or None, n_validation=0, seed=SEED, **limit)
    model = BlockQPT.create(case.sampler.molecule, case.theory, seed=SEED)
    return Training(model, case.sampler, config, labels=lambda mol, _: case.focks[mol])


def _compile_seconds(case: Case, loss: str, count: int) -> float:
    """Of the first geometry and the first step; no later training compiles them again."""
    jax.clear_caches()
    run = _training(case, loss, count, steps=1)
    list(run)
    return run.clock.compile_seconds


def _errors(model: Network, judged: list[tuple[Prepared, ScfResult]]) -> dict[str, float]:
    """Means over the validation geometries, hartree."""
    found = []
    for geometry, judge in judged:
        energies, fock = _predict(model, geometry)
        error = np.abs(np.asarray(energies) - float(judge.energy.total))
        wrong = np.abs(of_molecule(fock, geometry.shells) - judge.fock)
        found.append((error[0], wrong.mean(), error[REFINE]))
    return dict(zip(MEASURES, np.mean(found, axis=0).tolist(), strict=True))


@jit
def _predict(model: Network, geometry: Prepared) -> tuple:
    """Energies by refining iterations, and F[D] of the unrefined prediction."""
    proposal = propose(model, geometry)
    refined = refine(proposal, geometry, REFINE)
    return refined.energies, refine(proposal, geometry, 0).fock

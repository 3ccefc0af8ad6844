"""Training: a network, a sampler and settings in; a stream of `StepLog`s out."""

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from qptlab.dft.integrals import check, integrals, use_one_thread
from qptlab.molecule import Molecule
from qptlab.qpt.block_qpt import BlockQPT
from qptlab.qpt.config import StepLog, TrainConfig, check_lr
from qptlab.qpt.pipeline import energy_loss
from qptlab.qpt.predict import Prediction, predict
from qptlab.qpt.sample import Sample, sample
from qptlab.qpt.sampling import TRAIN, Sampler
from qptlab.qpt.schedule import schedule
from qptlab.qpt.state import TrainState, first_state, update
from qptlab.qpt.stream import SampleStream
from qptlab.qpt.validation import ReferenceEnergy, Validation, build_validation, converged_energy

VALIDATION_SHARE = 0.1
"""Share of the run's time that validating may take."""
SAVE_EVERY = 20.0
"""Seconds between saves of a run that has a folder."""

_value_and_grad = eqx.filter_jit(eqx.filter_value_and_grad(energy_loss))


@dataclass
class Clock:
    """What a run has spent: seconds in earlier sittings, and seconds compiling in all."""

    before: float = 0.0
    compile_seconds: float = 0.0


class Training:
    """A training run: iterate over it to train, as long as you like.

    Breaking out of the loop pauses the run; iterating again goes on. It never prints.

    Args:
        model: network to start from.
        sampler: gives training and validation geometries.
        config: settings.
        reference: (molecule, theory) → converged energy in hartree, for validation only; our own
            SCF by default.
        out: run folder, written every 20 seconds and at the end of the loop.
        started: `time.perf_counter()` from which `config.minutes` counts; now by default.

    Raises:
        ValueError: a molecule or theory that cannot run, or a molecule the network is not for.

    >>> import qptlab as ql
    >>> water = ql.molecule("water")
    >>> model = ql.BlockQPT.create(water, "lda/sto-3g")
    >>> run = ql.Training(model, ql.wiggle(water), ql.TrainConfig(steps=2, n_validation=1))
    >>> [log.step for log in run]
    [1, 2]
    """

    def __init__(
        self,
        model: BlockQPT,
        sampler: Sampler,
        config: TrainConfig | None = None,
        *,
        reference: ReferenceEnergy = converged_energy,
        out: str | os.PathLike | None = None,
        started: float | None = None,
    ):
        check(sampler.molecule, model.theory)
        model.check(sampler.molecule)
        self.sampler, self.config = sampler, config or TrainConfig()
        self.state: TrainState = first_state(model)
        self.history: list[StepLog] = []
        self.clock = Clock()
        # idle, preparing geometries, compiling, training or validating
        self.status = "idle"
        self.out = None if out is None else Path(out)
        self._reference, self._started = reference, started
        self._lr = self.config.lr
        self._compiled: set[str] = set()
        self._validation: Future | None = None

    @property
    def model(self) -> BlockQPT:
        """The network as it is now."""
        return self.state.model

    @property
    def lr(self) -> float:
        """Learning rate before the schedule; set it at any time, it acts from the next step."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = check_lr(value)

    @property
    def baselines_ha(self) -> dict[str, dict[int, float]] | None:
        """Errors of {"plain", "diis"} by refining iterations; None until they are computed."""
        known = self._validation is not None and self._validation.done()
        return self._validation.result().baselines_ha if known else None

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        weights = jax.tree.leaves(eqx.filter(self.model, eqx.is_inexact_array))
        return sum(leaf.size for leaf in weights)

    def predict(self, molecule: Molecule, refine: int = 0) -> Prediction:
        """What the network predicts now."""
        return predict(self.model, molecule, refine)

    def save(self, folder: str | os.PathLike) -> None:
        """Write the run to a folder that `Training.resume` reads."""
        from qptlab.qpt.runs import save_run

        save_run(self, folder)

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike,
        *,
        reference: ReferenceEnergy = converged_energy,
        started: float | None = None,
        **changes,
    ) -> "Training":
        """The run of a folder, to be continued there, with settings changed by keyword."""
        from qptlab.qpt.runs import load_run

        return load_run(cls, folder, reference=reference, started=started, **changes)

    def __iter__(self) -> Iterator[StepLog]:
        """Train until a limit of the settings is reached, or the loop is left."""
        # Perf_counter values at which this sitting starts and must end.
        start = time.perf_counter() if self._started is None else self._started
        self._started = None
        limit = math.inf if self.config.minutes is None else start + 60 * self.config.minutes
        self.status = "preparing geometries"
        stream = self._open_stream()
        try:
            yield from self._steps(stream, start, limit)
        finally:
            stream.close()
            self.clock.before += time.perf_counter() - start
            self.status = "idle"
            if self.out is not None:
                self.save(self.out)

    def _open_stream(self) -> SampleStream[Sample]:
        theory, seed = self.model.theory, self.config.seed
        first = self._first_call("sample", lambda: self._prepare(0))
        pool, size = self.config.pool_gib * 2**30, sum(x.nbytes for x in jax.tree.leaves(first))
        count = min(self.config.n_validation, max(1, int(pool / 3 / size)))
        if self._validation is None or self._validation.cancelled():
            worker = ThreadPoolExecutor(1, "qptlab-validation", initializer=use_one_thread)
            self._validation = worker.submit(
                build_validation,
                self.sampler,
                theory,
                count=count,
                iterations=self.config.refine,
                seed=seed,
                reference=self._reference,
            )
            worker.shutdown(wait=False)
        return SampleStream(
            self._prepare,
            window=max(self.config.batch, min(256, int(pool / size) - count)),
            reuse=self.config.reuse,
            seed=seed,
            drawn=int(self.state.step) * self.config.batch,
        )

    def _prepare(self, index: int) -> Sample:
        geometry = self.sampler(TRAIN, self.config.seed, index)
        return jax.block_until_ready(sample(integrals(geometry, self.model.theory)))

    def _steps(self, stream: SampleStream, start: float, limit: float) -> Iterator[StepLog]:
        begin, validate_at, save_at, reserve = None, 0.0, start + SAVE_EVERY, 0.0
        while not self._reached_steps():
            batch = stream.draw(self.config.batch)
            begin = begin or time.perf_counter()
            passed = (time.perf_counter() - begin) / max(limit - reserve - begin, 1e-9)
            lr = self._lr * schedule(self.config, int(self.state.step), passed)
            losses = self._train_step(batch, lr)
            now = time.perf_counter()
            last = self._reached_steps() or now > limit - reserve
            errors = None
            if last or (now > validate_at and self._validation.done()):
                errors = self._validate()
                spent = time.perf_counter() - now
                # the first time compiles: no measure of the next
                reserve = max(reserve, 1.5 * spent) if validate_at else 1.0
                validate_at = time.perf_counter() + spent / VALIDATION_SHARE
            yield self._log(batch, losses, errors, lr, start)
            if last:
                return
            if self.out is not None and time.perf_counter() > save_at:
                self.save(self.out)
                save_at = time.perf_counter() + SAVE_EVERY

    def _train_step(self, batch: list[Sample], lr: float) -> list[float]:
        def step():
            pairs = [_value_and_grad(self.state.model, geometry) for geometry in batch]
            self.state = jax.block_until_ready(
                update(self.state, tuple(gradient for _, gradient in pairs), jnp.asarray(lr))
            )
            return [float(loss) for loss, _ in pairs]

        losses = self._first_call("step", step)
        self.status = "training"
        return losses

    def _validate(self) -> dict[int, float]:
        self.status = "validating"
        validation: Validation = self._validation.result()
        return self._first_call(
            "validate", lambda: validation.errors(self.model, self.config.refine)
        )

    def _first_call(self, name: str, call):
        """Run `call`; the first time, when it compiles, say so and count the time."""
        if name in self._compiled:
            return call()
        self.status = "compiling"
        before = time.perf_counter()
        result = call()
        self.clock.compile_seconds += time.perf_counter() - before
        self._compiled.add(name)
        return result

    def _reached_steps(self) -> bool:
        return self.config.steps is not None and int(self.state.step) >= self.config.steps

    def _log(self, batch, losses, errors, lr, start) -> StepLog:
        plain = [float(geometry.plain_energy) for geometry in batch]
        log = StepLog(
            step=int(self.state.step),
            loss=float(np.mean(losses)),
            energy=float(np.mean(np.add(losses, plain))),
            val_error_ha=errors,
            lr=lr,
            seconds=self.clock.before + time.perf_counter() - start,
            samples=int(self.state.step) * self.config.batch,
        )
        self.history.append(log)
        return log

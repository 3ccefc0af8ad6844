"""Training: a network, a sampler and settings in; a stream of `StepLog`s out."""

import os
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from jaxtyping import Array

from qptlab.molecule import Molecule
from qptlab.qpt.labels import LabelSource
from qptlab.qpt.losses import parse_loss
from qptlab.qpt.networks.base import Network, to_json
from qptlab.qpt.predict import Prediction, predict
from qptlab.qpt.prepared import Prepared, prepare
from qptlab.qpt.runs.folder import RunFolder, RunRecord
from qptlab.qpt.sampling import TRAIN, VALIDATION, Sampler, molecules
from qptlab.qpt.training.config import StepLog, TrainConfig, check_lr
from qptlab.qpt.training.geometries import Geometries, PreparedStream
from qptlab.qpt.training.pool import capacity, check_memory_maps, mean_bytes
from qptlab.qpt.training.state import TrainState, first_state
from qptlab.qpt.training.step import Drawn, Step, compile_meanwhile, train_step, usual_norm
from qptlab.qpt.training.timer import Clock, Timer
from qptlab.qpt.training.validation import Errors, ReferenceEnergy, Validation, converged_energy

VALIDATION_SHARE = 0.1
"""Share of the run's time that validating may take."""
SAVE_EVERY = 20.0
"""Seconds between saves of a run that has a folder."""


class Training:
    """A training run: iterate over it to train, as long as you like.

    Leaving the loop pauses the run; iterating again goes on. It never prints.

    Args:
        model: network to start from.
        sampler: gives training and validation geometries.
        reference: (molecule, theory) → energy in hartree, to validate with; by default our SCF's.
        labels: (molecule, theory) → converged Fock matrix (ao, ao) in hartree, for supervised
            losses only; to be given again to `resume`.
        out: run folder, written every 20 seconds and when the loop is left; nobody else may write
            there while the loop goes on.
        started: `time.perf_counter()` that `config.minutes` counts from; by default the loop's.

    Attributes:
        state: all that training changes. history: one `StepLog` per step.
        status: idle, preparing geometries, compiling, training or validating.
        message: what was damaged in the folder it was resumed from, in one sentence; else empty.

    Raises:
        InputError: a molecule or theory that cannot run, a molecule the network is not for, a
            supervised loss without labels, or, with `out`, a network whose class is not registered.

    >>> import qptlab as ql
    >>> water = ql.molecule("water")
    >>> model = ql.BlockQPT.create(water, "lda/sto-3g")
    >>> run = ql.Training(model, ql.wiggle(water), ql.TrainConfig(steps=2, n_validation=1))
    >>> [log.step for log in run]
    [1, 2]
    """

    def __init__(
        self,
        model: Network,
        sampler: Sampler,
        config: TrainConfig | None = None,
        *,
        reference: ReferenceEnergy = converged_energy,
        labels: LabelSource | None = None,
        out: str | os.PathLike | RunFolder | None = None,
        started: float | None = None,
    ):
        several = {*molecules(sampler, TRAIN), *molecules(sampler, VALIDATION)}
        check_memory_maps(several, model.theory)
        for molecule in several:
            model.check(molecule)
        if out is not None:
            to_json(model)  # refused now rather than when the run is over
        self.sampler, self.config = sampler, config or TrainConfig()
        self._loss, self._labels = parse_loss(self.config.loss), labels
        self._loss.check_labels(labels is not None)
        if self._loss.teaches_response:
            model = model.with_response_net(self.config.seed)
        self.state: TrainState = first_state(model)
        self.history: list[StepLog] = []
        self.clock, self.status, self.message = Clock(), "idle", ""
        self._folder = None if out is None else RunFolder.of(out)
        self._reference, self._started = reference, started
        self._lr = model.usual_lr if self.config.lr is None else self.config.lr
        self._validation: Validation | None = None
        self._prepared: tuple[Molecule | None, Prepared | None] = (None, None)
        self._sitting: Callable[[], Generator[StepLog, None, None] | None] = lambda: None

    @property
    def model(self) -> Network:
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
        """Means of `baselines`, hartree."""
        return self.baselines and {name: e.mean for name, e in self.baselines.items()}

    @property
    def baselines(self) -> dict[str, Errors] | None:
        """Errors of {"plain", "diis"} by refining iterations; None until there are some."""
        return self._validation.baselines_ha if self._validation else None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Validation geometries that could not be computed, and why; one sentence each."""
        return () if self._validation is None else self._validation.left_out

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return self.model.n_parameters

    def predict(self, molecule: Molecule, refine: int = 0, forces: bool = False) -> Prediction:
        """What the network predicts now; the last molecule is kept prepared."""
        if self._prepared[0] != molecule:
            self._prepared = molecule, prepare(molecule, self.model.theory)
        return predict(self.model, molecule, refine, forces, self._prepared[1])

    def validation_geometry(self, index: int) -> Molecule:
        """Geometry number `index`, from 0 on, of those that were set aside to validate with."""
        return self.sampler(VALIDATION, self.config.seed, index)

    @property
    def out(self) -> Path | None:
        """The run folder; None where nothing is written."""
        return None if self._folder is None else self._folder.path

    def save(self, folder: str | os.PathLike) -> None:
        """Write the run to a folder that `Training.resume` reads. Errors as `RunFolder.write`."""
        own = self._folder is not None and self._folder.path.resolve() == Path(folder).resolve()
        (self._folder if own else RunFolder(folder)).write(self._record())

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike | RunFolder,
        *,
        reference: ReferenceEnergy = converged_energy,
        labels: LabelSource | None = None,
        started: float | None = None,
        **changes,
    ) -> "Training":
        """The run of a folder, to be continued there, with settings changed by keyword.

        Errors as `RunFolder.read`; a damaged history is cut, and `message` says so.
        """
        folder = RunFolder.of(folder)
        there = folder.read()
        config = replace(there.config, **changes)
        given = {"reference": reference, "labels": labels, "started": started}
        run = cls(there.state.model, there.sampler, config, out=folder, **given)
        run.state, run.history, run.clock = there.state, there.history, there.clock
        run.lr, run.message = changes.get("lr", there.lr), there.message
        return run

    def __iter__(self) -> Iterator[StepLog]:
        """Train until a limit of the settings is reached, or the loop is left.

        Raises:
            InputError: `out` is written by another training, or cannot be; at the first step.
            OSError: a file in `out` that could not be written; it is named.
            RuntimeError: another thread is training this run.
        """
        sitting = self._sitting()
        if sitting is not None:
            try:
                sitting.close()
            except ValueError:  # Python's answer for a generator that is running
                busy = "this run is being trained already; pause or stop it first"
                raise RuntimeError(busy) from None
        sitting = self._sit()
        # weak: a loop that is left must end the sitting at once
        self._sitting = weakref.ref(sitting)
        return sitting

    def _sit(self) -> Generator[StepLog, None, None]:
        began = time.perf_counter() if self._started is None else self._started
        self._started, stream = None, None
        with nullcontext() if self._folder is None else self._folder.sitting():
            try:
                stream = self._open_stream()
                timer = Timer(began, self.config.minutes, validates=self.config.n_validation > 0)
                yield from self._steps(stream, timer)
            finally:
                if stream is not None:
                    stream.close()
                if self._validation is not None:
                    self._validation.close()
                self.clock.before = self.history[-1].seconds if self.history else 0.0
                self.status = "idle"
                if self._folder is not None and self.history:
                    self._folder.write(self._record())

    def _open_stream(self) -> PreparedStream[Drawn]:
        config = self.config
        self.status = "preparing geometries" if self._validation else "compiling"
        sampler, theory, loss = self.sampler, self.model.theory, self._loss
        geometries = Geometries(sampler, theory, loss, self._labels, config.seed, self.clock)
        first = geometries.molecule(0)
        compile_meanwhile(self.state, loss, config.batch, first)
        sizes = mean_bytes(sampler, theory, loss, first, geometries.first_build(first))
        count, window = capacity(config, *sizes)
        if self._validation is None or not self._validation.complete:
            asked = {"count": count, "iterations": config.refine, "seed": config.seed}
            self._validation = Validation(sampler, theory, reference=self._reference, **asked)
        drawn = int(self.state.step) * config.batch
        given = {"window": window, "reuse": config.reuse, "seed": config.seed}
        return PreparedStream(geometries.draw, drawn=drawn, total=config.geometries, **given)

    def _steps(self, stream: PreparedStream[Drawn], timer: Timer) -> Generator[StepLog, None, None]:
        validate_at, save_at = 0.0, timer.seconds + SAVE_EVERY
        last = self._reached_steps()
        while not last:
            say = partial(setattr, self, "status", "preparing geometries")
            batch = stream.draw(self.config.batch, waiting=say)
            last, log, validate_at = self._one_step(batch, timer, validate_at)
            with timer.held():
                yield log
            if self._folder is not None and timer.seconds > save_at:
                self._folder.write(self._record())
                save_at = timer.seconds + SAVE_EVERY

    def _one_step(
        self, batch: list[Drawn], timer: Timer, validate_at: float
    ) -> tuple[bool, StepLog, float]:
        """Whether the step was the last one, its log, and the second to validate at next."""
        before, passed = self.state, (int(self.state.step), timer.share_passed)
        try:
            lr = self._lr * self.config.schedule(*passed)
            done = self._train_step(batch, lr, self._loss.weights(self.config.progress(*passed)))
            self._validation.begin()
            last, errors = self._reached_steps() or timer.is_up, None
            if last or (timer.seconds > validate_at and self._validation.points):
                errors, spent, compiled = self._validate(timer, last)
                validate_at = timer.seconds + (1.0 if compiled else spent / VALIDATION_SHARE)
            log = StepLog(
                step=int(self.state.step),
                val_error_ha=errors and errors.mean,
                val_median_ha=errors and errors.median,
                lr=lr,
                seconds=self.clock.before + timer.seconds,
                samples=int(self.state.step) * self.config.batch,
                **vars(done),
            )
            self.history.append(log)
        finally:
            if not self.history or self.history[-1].step < int(self.state.step):
                self.state = before  # Ctrl-C: a step that is not in the history was not taken
        return last, log, validate_at

    def _record(self) -> RunRecord:
        return RunRecord(self.state, self.sampler, self.config, self.lr, self.clock, self.history)

    def _train_step(self, batch: list[Drawn], lr: float, weights: Array) -> Step:
        usual = {
            kind: usual_norm((log.gradient_norms for log in reversed(self.history)), kind)
            for kind in {drawn.kind for drawn in batch}
        }
        with self.clock.running("step", [drawn.inputs for drawn in batch]) as compiles:
            self.status = "compiling" if compiles else "training"
            self.state, done = train_step(self.state, batch, self._loss.terms, weights, usual, lr)
        return done

    def _validate(self, timer: Timer, last: bool) -> tuple[Errors | None, float, bool]:
        """Validation errors, the seconds they took, and whether something was compiled."""
        self.status = "validating"
        if last:
            # a time limit is kept: then one geometry has to do where more are not ready
            self._validation.wait(1 if self.config.minutes is not None else None)
        before, points = timer.seconds, self._validation.points
        with self.clock.running("validate", [point.prepared for point in points]) as compiles:
            self.status = "compiling" if compiles else "validating"
            errors = self._validation.errors(self.model)
        spent = timer.seconds - before
        timer.validated(spent)
        return errors, spent, compiles

    def _reached_steps(self) -> bool:
        return self.config.steps is not None and int(self.state.step) >= self.config.steps

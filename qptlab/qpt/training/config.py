"""Settings of a training run and what it logs: plain numbers, written as JSON."""

import math
from dataclasses import asdict, dataclass, field

from qptlab.errors import InputError, quoted
from qptlab.qpt.descriptions import an_object, built, is_number, is_whole

WARM_UP, LAST_SHARE = 20, 1e-3
"""Steps over which the learning rate rises; the share of it that is left at the end."""


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run.

    Attributes:
        loss: what is minimised, see `qptlab.qpt.losses`; "energy", "energy -> delta2", …
        lr: learning rate at its highest, which the schedule multiplies; None for the one that
            suits the network.
        batch: geometries per step.
        steps, minutes: when to stop, whichever comes first; None for no limit. With a limit the
            learning rate falls to zero along a cosine, without one it stays.
        reuse: how often each prepared geometry is used, on average. More where steps are faster
            than integrals, as on a GPU: there a step waits for the next geometry.
        geometries: how many there are to train on, each then used as often as it takes; None for
            ever new ones.
        pool_gib: memory for prepared geometries.
        n_validation: validation geometries, fewer where they would not fit in a third of the pool;
            0 for no validation.
        refine: number of refining iterations up to which validation errors are reported.
        seed: of the weights, geometries and their order.
    """

    loss: str = "energy"
    lr: float | None = None
    batch: int = 1
    steps: int | None = None
    minutes: float | None = None
    reuse: int = 16
    geometries: int | None = None
    pool_gib: float = 2.0
    n_validation: int = 16
    refine: int = 3
    seed: int = 0

    def __post_init__(self):
        if self.lr is not None:
            check_lr(self.lr)
        for name, least in (("batch", 1), ("reuse", 1), ("n_validation", 0), ("refine", 0)):
            if not is_whole(getattr(self, name), least):
                raise InputError(f"{name} {quoted(getattr(self, name))}; expected {least} or more")
        if self.geometries is not None and not is_whole(self.geometries, self.batch):
            raise InputError(
                f"geometries {quoted(self.geometries)}; expected at least a batch of {self.batch}"
            )
        for name in ("steps", "minutes"):
            limit = getattr(self, name)
            if limit is not None and not (is_number(limit) and limit > 0):
                raise InputError(f"{name} {quoted(limit)}; expected a number above 0")
        if not (is_number(self.pool_gib) and self.pool_gib > 0):
            raise InputError(f"pool_gib {quoted(self.pool_gib)}; expected more than 0")
        if not is_whole(self.seed, 0, 2**32 - 1):
            raise InputError(f"seed {quoted(self.seed)}; expected a whole number from 0 to 2³² − 1")

    def progress(self, step: int, time_passed: float) -> float:
        """The share of a run that has passed, 0 where its end is not known.

        Args:
            step: weight updates so far.
            time_passed: share of the time limit that has passed; used where there is one.
        """
        by_steps = 0.0 if self.steps is None else step / self.steps
        by_time = 0.0 if self.minutes is None else time_passed
        return min(max(by_steps, by_time), 1.0)

    def schedule(self, step: int, time_passed: float) -> float:
        """Factor on the learning rate: warm-up, then a cosine where the end of the run is known."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress(step, time_passed)))
        return min(1.0, (step + 1) / WARM_UP) * max(cosine, LAST_SHARE)


@dataclass(frozen=True)
class StepLog:
    """What one training step reports: plain numbers.

    Attributes:
        step: number of weight updates so far.
        loss: mean over the batch of what is minimised. Of "energy": hartree, counted from the same
            geometries' energies without the network; below zero is better than no network.
        energy: mean energy of the batch's unrefined predictions, hartree; NaN where the loss needs
            none.
        val_error_ha: on steps that validated, {refining iterations: mean absolute energy error};
            otherwise None.
        val_median_ha: likewise the median; None in older runs.
        lr: learning rate of this step, schedule included.
        seconds: since the run started, all sittings together.
        samples: geometries used so far, repetitions counted.
        gradient_norms: {kind of molecule: median over the batch}, per electron, of the geometries
            that were used.
        skipped: what was wrong with the geometries that were not; one sentence each.
    """

    step: int
    loss: float
    energy: float
    val_error_ha: dict[int, float] | None
    lr: float
    seconds: float
    samples: int
    gradient_norms: dict[str, float] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    val_median_ha: dict[int, float] | None = None

    def to_json(self) -> dict:
        """For one line of history."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: object) -> "StepLog":
        """The inverse of `to_json`: JSON turns the integer keys into text.

        Older runs wrote one norm for all molecules; it is not read.

        Raises:
            InputError: what `to_json` did not write.
        """
        known = an_object(record, "a step")
        known = {key: value for key, value in known.items() if key != "gradient_norm"}
        for name in ("val_error_ha", "val_median_ha"):
            if known.get(name) is not None:
                known[name] = {int(k): v for k, v in an_object(known[name], name).items()}
        return built(cls, known, "a step", finite=False)


def check_lr(lr: float) -> float:
    """The learning rate, if it is one."""
    if not (is_number(lr) and lr > 0):
        raise InputError(f"learning rate {quoted(lr)}; expected a number above 0")
    return float(lr)

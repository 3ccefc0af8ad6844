"""Networks of steps gone by, kept for whoever looks back."""

from qptlab.qpt.networks.base import Network
from qptlab.qpt.training.state import TrainState

MOST_BYTES = 2**27


class Snapshots:
    """Networks as they were after steps 0, 1, 2, 5, 10, 20, 50, …; the newest that fit in memory.

    JAX arrays never change: keeping a network takes no copy.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.models: dict[int, Network] = {}
        self._most_bytes = most_bytes

    def see(self, state: TrainState | None, always: bool = False) -> None:
        """Keep the network of a `TrainState`, if its step is one to be kept or `always`."""
        if state is None:
            return
        step = int(state.step)
        if step not in self.models and (always or is_kept(step)):
            room = max(2, self._most_bytes // max(1, 4 * state.model.n_parameters))
            models = {**self.models, step: state.model}
            self.models = {kept: models[kept] for kept in sorted(models)[-room:]}


def is_kept(step: int) -> bool:
    """Whether a step is 0 or 1, 2 or 5 times a power of ten."""
    return step == 0 or str(step).rstrip("0") in ("1", "2", "5")

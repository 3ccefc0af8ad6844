"""How long JAX compiles, from its own events: a first call also computes, and that varies."""

from collections.abc import Callable

import jax.monitoring

_PREFIX = "/jax/core/compile/"
_spent = 0.0


def compile_seconds(work: Callable[[], object]) -> float:
    """Seconds of tracing, lowering and compiling in one call; nested traces count twice."""
    before = _spent
    work()
    return _spent - before


def _listen(event: str, seconds: float, **_) -> None:
    global _spent
    if event.startswith(_PREFIX):
        _spent += seconds


jax.monitoring.register_event_duration_secs_listener(_listen)

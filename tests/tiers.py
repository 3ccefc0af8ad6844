"""Which cases of a test run at once, and which wait for `pytest -m slow`."""

from collections.abc import Iterable

import pytest

slow = pytest.mark.slow


def later(*values):
    """A case that waits."""
    return pytest.param(*values, marks=slow)


def rest_slow(cases: Iterable, first: Iterable) -> list:
    """All cases in their order; those that are not among the `first` wait."""
    at_once = list(first)
    return [
        case if case in at_once else later(*(case if isinstance(case, tuple) else (case,)))
        for case in cases
    ]

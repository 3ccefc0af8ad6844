"""How many inputs were tried, and how many held: a line for each kind when the tests end."""

import pytest

TALLIES = pytest.StashKey[dict]()


@pytest.fixture
def tally(request):
    """tally(name, held): counts an input of a kind."""
    counts = request.config.stash.setdefault(TALLIES, {})

    def count(name: str, held: bool = True) -> None:
        tried, good = counts.get(name, (0, 0))
        counts[name] = tried + 1, good + bool(held)

    return count


def pytest_terminal_summary(terminalreporter, config):
    for name, (tried, held) in config.stash.get(TALLIES, {}).items():
        terminalreporter.write_line(f"{name}: {tried} tried, {held} held")

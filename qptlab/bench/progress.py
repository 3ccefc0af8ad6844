"""Lines for whoever waits for a bench: on stderr, for stdout holds the report."""

import sys


def say(line: str) -> None:
    """Show a line at once."""
    print(line, file=sys.stderr, flush=True)

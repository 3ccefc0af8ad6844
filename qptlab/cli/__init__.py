"""The command line: `qptlab lab | energy | train | predict | evaluate | bench`."""

import argparse
import re
import sys
import time
from collections.abc import Sequence

# --minutes is wall time of the whole run, so the imports so far count.
STARTED = time.perf_counter() - time.process_time()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it worked, 2 with one line on stderr for bad input."""
    from qptlab.cli.arguments import parser

    # called by another program, a command begins now
    started = STARTED if argv is None else time.perf_counter()
    args = parser().parse_args(argv)
    try:
        _run(args, started)
    except (ValueError, OSError) as error:
        print(f"qptlab {args.command}: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"qptlab {args.command}: stopped", file=sys.stderr)
        return 130
    return 0


def _one_line(sentence: str) -> str:
    """The sentence in one line, with what it advises as an option of the command line."""
    advice = r"\b(give|or|use) (charge|spin|coulomb)=('?)([-\w]+)\3"
    return re.sub(advice, r"\1 --\2 \4", " ".join(sentence.split()))


def _run(args: argparse.Namespace, started: float) -> None:
    # Here, not above: `qptlab --help` and a mistyped option need none of it.
    from qptlab.cli import commands

    if args.command == "train":
        commands.train(args, started)
    else:
        getattr(commands, args.command)(args)

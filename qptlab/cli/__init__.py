"""The command line: `qptlab lab | energy | train | predict | evaluate | warm | bench`."""

import argparse
import re
import signal
import sys
import time
import traceback
from collections.abc import Sequence

from qptlab.errors import InputError, NotConverged, printable
from qptlab.signals import Stopped, leave, stoppable

# --minutes is wall time of the whole run, so the imports so far count.
STARTED = time.perf_counter() - time.process_time()
DEFECT = (
    "this is a defect of qptlab; please report it where you got qptlab from, with the lines above "
    "and the command"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 when it worked; 2 for bad input and 1 where a calculation did not converge, each with one
        line on stderr; 130, 143 and 129 after Ctrl-C, SIGTERM and SIGHUP, as shells have them; 70
        for a defect of ours, with its traceback.
    """
    from qptlab.cli.arguments import parser

    # called by another program, a command begins now
    started = STARTED if argv is None else time.perf_counter()
    args = parser().parse_args(argv)
    args.started = started
    try:
        with stoppable():
            # here, not above: `qptlab --help` and a mistyped option need none of it
            from qptlab.cli import commands

            getattr(commands, args.command)(args)
        return 0
    except KeyboardInterrupt as error:
        stop = error if isinstance(error, Stopped) else Stopped(signal.SIGINT)
        status = _say(args, str(stop), stop.status)
    except (InputError, OSError) as error:  # an OSError names the user's file
        status = _say(args, str(error), 2)
    except NotConverged as error:
        status = _say(args, str(error), 1)
    except Exception:
        traceback.print_exc()
        status = _say(args, DEFECT, 70)
    if argv is None:
        leave(status)  # a thread that compiles or prepares geometries would hold the program up
    return status


def _say(args: argparse.Namespace, sentence: str, status: int) -> int:
    """One line on stderr, with what it advises as an option of the command line."""
    advice = r"\b(give|or|use|with) (charge|spin|coulomb)=('?)([-\w]+)\3"
    line = re.sub(advice, r"\1 --\2 \4", printable(sentence))
    print(f"qptlab {args.command}: {line}", file=sys.stderr)
    return status

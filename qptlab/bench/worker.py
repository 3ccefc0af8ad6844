"""The measuring process: `python -m qptlab.bench.worker OPTIONS` prints the report, as JSON."""

import contextlib
import json
import sys

from qptlab.bench import accuracy, agreement, cost, dft, panel
from qptlab.bench.options import Options

BENCHES = {
    "dft": dft.report,
    "agreement": agreement.report,
    "accuracy": accuracy.report,
    "cost": cost.report,
    "panel": panel.report,
}


def _main(text: str) -> int:
    given = json.loads(text)
    options = Options(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    try:
        # what libraries print is not part of the report
        with contextlib.redirect_stdout(sys.stderr):
            report = BENCHES[options.bench](options)
    except KeyboardInterrupt:
        return 130
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))

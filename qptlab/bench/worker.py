"""The measuring process: `python -m qptlab.bench.worker OPTIONS` prints the report, as JSON."""

import contextlib
import json
import os
import sys
from dataclasses import asdict

from qptlab.bench.machine import machine
from qptlab.bench.options import Options, say
from qptlab.bench.registry import bench
from qptlab.bench.row import Row


def report(options: Options) -> dict:
    """Machine, rows and summary of a bench. Lines of progress go to stderr."""
    module = bench(options.bench).module
    described = machine(options.threads)
    rows: list[Row] = []
    for row in module.rows(options):
        if line := row.progress():
            say(line)
        rows.append(row)
    described["load_average_after"] = list(os.getloadavg())
    return {
        "bench": options.bench,
        "machine": described,
        "rows": [asdict(row) for row in rows],
        "summary": module.summary(rows),
    }


def _main(text: str) -> None:
    given = json.loads(text)
    options = Options(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})
    # what libraries print is not part of the report
    with contextlib.redirect_stdout(sys.stderr):
        made = report(options)
    print(json.dumps(made))


if __name__ == "__main__":
    _main(sys.argv[1])

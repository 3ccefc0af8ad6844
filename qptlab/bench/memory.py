"""Peak memory of one SCF: `python -m qptlab.bench.memory ours|pyscf CASE THEORY` prints MB."""

import resource
import sys
from pathlib import Path

from qptlab.bench.launch import run_apart
from qptlab.bench.options import Options
from qptlab.library import molecule
from qptlab.theory import parse_theory


def peak_mb(program: str, case: str, theory: str, options: Options) -> float:
    """Peak resident memory of an SCF by "ours" or "pyscf" (density-fitted) in a fresh process."""
    return float(run_apart("qptlab.bench.memory", [program, case, theory], options))


def own_peak_mb() -> float:
    """Of this process. Linux's ru_maxrss also knows the process that started it; VmHWM does not."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _main(program: str, case: str, spec: str) -> None:
    if program == "ours":
        from qptlab.dft import scf

        scf(molecule(case), parse_theory(spec))
    else:
        from qptlab.reference import pyscf_mean_field

        pyscf_mean_field(molecule(case), parse_theory(spec)).kernel()
    print(own_peak_mb())


if __name__ == "__main__":
    _main(*sys.argv[1:])

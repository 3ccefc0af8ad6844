"""Run on its own by the bench `first`: PySCF alone, fresh and then live, cycle by cycle.

    python -c SOURCE START JOB

START is when the command was given (`time.monotonic`), JOB a JSON object of what PySCF is to be
told. Nothing of ours is imported. Prints one JSON object: for either calculation `seconds` and
`energies` after each cycle, `converged_s` at PySCF's own `conv_tol` of 1e-9 Ha; and `energy`,
converged further.
"""

import json
import sys
import time


def main(start: float, job: dict) -> dict:
    from pyscf import dft, gto

    def run(began: float, **settings) -> tuple[dict, object]:
        mol = gto.M(atom=job["atom"], unit="Bohr", basis=job["basis"], verbose=0)
        mf = dft.RKS(mol, xc=job["xc"]).density_fit(auxbasis=job["auxbasis"])
        mf.grids.level, mf.chkfile = job["grid"], None
        mf.set(conv_tol=1e-9, **settings)
        seconds, energies = [], []

        def after_cycle(env):
            seconds.append(time.monotonic() - began)
            energies.append(float(env["e_tot"]))

        mf.callback = after_cycle
        mf.kernel()
        done = time.monotonic() - began
        return {"seconds": seconds, "energies": energies, "converged_s": done}, mf

    fresh, _ = run(start)
    live, mf = run(time.monotonic())
    mf.callback, mf.conv_tol, mf.conv_tol_grad = None, 1e-12, 1e-8
    return {"fresh": fresh, "live": live, "energy": float(mf.kernel(dm0=mf.make_rdm1()))}


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), json.loads(sys.argv[2]))))

"""Run on its own by the bench `first`: what a fresh process predicts, and how long each part takes.

    python -c SOURCE START JOB

START is when the command was given (`time.monotonic`), JOB a JSON object: `model`, `refine`,
`molecules` (each with symbols and positions in bohr; all but the first are predicted after it, in
the same process) and `guess`, whether PySCF goes on from the prediction. Nothing of ours is
imported but what is timed. Prints one JSON object.
"""

import json
import sys
import time

PHASES = {
    "trace_s": "/jax/core/compile/jaxpr_trace_duration",
    "lower_s": "/jax/core/compile/jaxpr_to_mlir_module_duration",
    # taking a program out of the cache is within this
    "compile_s": "/jax/core/compile/backend_compile_duration",
}
HIT = "/jax/compilation_cache/cache_hits"


def main(start: float, job: dict) -> dict:
    entered = time.monotonic()
    import qptlab as ql

    load, predict = ql.load, ql.predict  # which imports their files
    from jax import monitoring

    spans, hits = [], []
    monitoring.register_event_duration_secs_listener(
        lambda event, seconds, **_: spans.append((event, time.monotonic() - seconds, seconds))
    )
    monitoring.register_event_listener(lambda event, **_: hits.append(event))
    imported = time.monotonic()
    model = load(job["model"])
    loaded = time.monotonic()
    first, *later = (
        ql.Molecule(tuple(symbols), positions) for symbols, positions in job["molecules"]
    )
    if job["guess"]:
        return {"seconds": _converged_from(ql, model, first, job["refine"]) - start}

    def timed(mol) -> dict:
        spans.clear()
        hits.clear()
        began = time.monotonic()
        made = predict(model, mol, job["refine"])
        ended = time.monotonic()
        known = {name: union(spans, event) for name, event in PHASES.items()}
        return {
            "seconds": ended - began,
            "energy": float(made.energy.total),
            **known,
            "programs": sum(event == PHASES["compile_s"] for event, *_ in spans),
            "cached": hits.count(HIT),
        }

    answer = timed(first)
    peak = peak_mb()
    after = [timed(mol) for mol in later]
    # compiled by now: what is left is integration
    began = time.monotonic()
    ql.integrals(first, model.theory)
    integrals = time.monotonic() - began
    compiling = sum(answer[name] for name in PHASES)
    return {
        **answer,
        "seconds": loaded - start + answer["seconds"],
        "start_s": entered - start,
        "import_s": imported - entered,
        "load_s": loaded - imported,
        "integrals_s": integrals,
        "run_s": max(answer["seconds"] - compiling - integrals, 0.0),
        "peak_mb": peak,
        "later": after,
    }


def union(spans: list[tuple[str, float, float]], event: str) -> float:
    """Seconds in which events of a name went on: one within another counts once."""
    total, until = 0.0, float("-inf")
    for begin, seconds in sorted(
        (begin, seconds) for name, begin, seconds in spans if name == event
    ):
        total += max(begin + seconds - max(begin, until), 0.0)
        until = max(until, begin + seconds)
    return total


def peak_mb() -> float:
    from qptlab.bench.memory import own_peak_mb

    return own_peak_mb()


def _converged_from(ql, model, mol, refine: int) -> float:
    """When PySCF has converged from the network's density."""
    from qptlab.reference import initial_guess, pyscf_mean_field

    mf = pyscf_mean_field(mol, model.theory)
    mf.conv_tol, mf.conv_tol_grad, mf.chkfile = 1e-9, None, None
    mf.kernel(dm0=initial_guess(mf, model, refine))
    return time.monotonic()


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), json.loads(sys.argv[2]))))

"""What every test shares: checked array shapes, and compiled code kept between runs."""

import os
import sys
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"
# In the environment, so that programs and kernels that a test starts share it. The smallest code is
# kept too: every test file needs it again.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Several workers, a core each: threads that wait for one another would cost more than they do.
    for pool in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # XLA's, PySCF's, NumPy's
        os.environ[pool] = "1"

# jsonschema, which nbformat imports, would spend seconds on a grammar that no notebook needs.
sys.modules["rfc3987_syntax"] = None

from jaxtyping import install_import_hook  # noqa: E402

# Before anything imports qptlab: from here on every annotated shape is checked.
install_import_hook(["qptlab.dft", "qptlab.qpt"], "typechecker.check")

import jax  # noqa: E402
import pytest  # noqa: E402

# Compilation takes most of the time here, and few programs run often: compiled in less than half of
# the time, a training step of water takes 25 ms instead of 10.
jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_code():
    """Free what a test file compiled: the memory maps a process may have are limited.

    Thousands of programs in one process reach that limit, and the next compilation crashes.
    """
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A short training on water, from the command line."""
    from qptlab.cli import main

    folder = tmp_path_factory.mktemp("cli") / "run"
    argv = ["train", "water", "--theory", "pbe/sto-3g", "--steps", "80", "--out", str(folder)]
    assert main([*argv, "--json"]) == 0
    return folder

"""What every test shares: checked array shapes, and compiled code kept between runs."""

import gc
import os
import sys
from importlib.metadata import version
from pathlib import Path

# Tracing makes millions of objects that stay: looking through them for waste takes a tenth of it.
gc.set_threshold(200_000, 20, 50)

CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"
MEMORY_MAPS = 25_000
"""More than these and compiled code is forgotten; Linux allows a process 65,530."""
# In the environment, so that programs and kernels that a test starts share it. The smallest code is
# kept too: every test file needs it again.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(CACHE)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
# Compilation takes most of the time here, and few programs run often: what makes it short makes a
# training step of water take 25 ms instead of 10. The flags alone divide the loss's by four.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
if version("jaxlib").startswith("0.10."):  # a flag that XLA does not know ends the process
    flags = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
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

from qptlab.dft import kept_programs  # noqa: E402

# Tests change constants, of which a kept program knows nothing. What tests start keeps its own.
kept_programs._folder = lambda: None


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_code():
    """Free what was compiled before it takes all memory maps that a process may have.

    Thousands of programs in one process reach that limit, and the next compilation crashes.
    """
    yield
    maps = Path("/proc/self/maps")
    if not maps.is_file() or len(maps.read_bytes().splitlines()) > MEMORY_MAPS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A short training on water, from the command line."""
    from qptlab.cli import main

    folder = tmp_path_factory.mktemp("cli") / "run"
    argv = ["train", "water", "--theory", "pbe/sto-3g", "--steps", "80", "--out", str(folder)]
    assert main([*argv, "--json"]) == 0
    return folder

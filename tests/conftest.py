"""What every test shares: checked array shapes, and compiled code kept between runs."""

from pathlib import Path

from jaxtyping import install_import_hook

# Before anything imports qptlab: from here on every annotated shape is checked.
install_import_hook(["qptlab.dft", "qptlab.qpt"], "typechecker.check")

import jax  # noqa: E402
import pytest  # noqa: E402

CACHE = Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


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

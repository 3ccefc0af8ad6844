"""What it was measured on, and how fast that multiplies matrices."""

import contextlib
import importlib.metadata
import os
import platform
import timeit
from pathlib import Path

import jax
import jax.numpy as jnp

from qptlab.dft.size import Size

PACKAGES = ("qptlab", "jax", "jaxlib", "numpy", "scipy", "pyscf", "pyscfad")
SETTINGS = ("OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT", "OMP_NUM_THREADS", "XLA_FLAGS")
PEAK_SIZE = 2048


def machine(threads: int) -> dict:
    """Processor, threads, versions, and the settings that matter to thread pools."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": jax.devices()[0].platform,
        "compilation_cache": jax.config.jax_enable_compilation_cache,
        "load_average": list(os.getloadavg()),
        "matmul_gflops": matmul_gflops(),
        "environment": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": _versions(),
    }


def matmul_gflops() -> float:
    """The best of a few multiplications of two large float64 matrices, 10⁹ operations/s."""
    matrix, multiply = jnp.ones((PEAK_SIZE, PEAK_SIZE)), jax.jit(jnp.matmul)

    def work():
        multiply(matrix, matrix).block_until_ready()

    seconds = timeit.repeat(work, number=1, repeat=6)  # the first also compiles
    return 2 * PEAK_SIZE**3 / min(seconds) / 1e9


def energy_and_fock_flops(told: Size, n_exchange: int) -> float:
    """Operations in the matrix products of an energy and Fock matrix from filled orbitals.

    On the grid χ C Cᵀ and the potential; Coulomb there and back; and for each exchange B C and its
    square. Everything else, the functional above all, is left out.
    """
    ao, occ, grid, aux = told.n_ao, told.n_occ, told.n_grid, told.n_aux
    on_grid = 2 * 2 * grid * ao * occ + 2 * grid * ao**2
    coulomb = 2 * 2 * aux * ao * (ao + 1) // 2
    return float(on_grid + coulomb + n_exchange * 2 * 2 * aux * ao**2 * occ)


def _versions() -> dict[str, str]:
    """Of the packages that are installed."""
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

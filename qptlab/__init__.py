"""qptlab: the Kohn–Sham energy is a loss function.

A network predicts a molecule's Kohn–Sham matrix, differentiable DFT turns that into an energy,
and the energy is backpropagated through DFT into the network. No labels.
"""

import importlib
import os
import platform
import sys

from qptlab.signals import leave_quietly

# Ctrl-C in the second that the imports below take.
leave_quietly()

# OpenBLAS threads that wait for work burn a whole core each for 0.1 s after every call, and slow
# XLA's down; so told, they sleep. Before JAX, which loads OpenBLAS.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

import jax  # noqa: E402
import platformdirs  # noqa: E402

# Everything that enters an energy is float64: float32 energies carry 40 µHa of noise.
jax.config.update("jax_enable_x64", True)
# And what a network computes in float32 is not rounded to ten bits on GPUs.
jax.config.update("jax_default_matmul_precision", "highest")

# Compiled code is kept for the next start, unless the user keeps it elsewhere already. One folder
# per machine: a home folder may be shared by machines whose code differs.
if jax.config.jax_compilation_cache_dir is None:
    _cache = platformdirs.user_cache_path("qptlab") / f"jax-{platform.node()}"
    jax.config.update("jax_compilation_cache_dir", str(_cache))
# The small code too, if nobody asked for another limit than JAX's.
if jax.config.jax_persistent_cache_min_compile_time_secs == 1.0:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)

# A module and a function share a name: bound here, before anyone imports the module.
from qptlab.library import molecule  # noqa: E402
from qptlab.molecule import Molecule  # noqa: E402
from qptlab.theory import Theory  # noqa: E402
from qptlab.theory import parse_theory as theory  # noqa: E402

# Public names by where they are, imported when first used: `import qptlab` stays quick.
_HOMES = {
    "reading": ["from_xyz", "read", "read_frames"],
    "reading.smiles": ["from_smiles"],
    "dft": ["energy", "fock_matrix", "forces", "integrals", "polarizability", "scf", "scf_batch"],
    "qpt.networks.block": ["BlockQPT"],
    "qpt.networks.paper": ["PaperQPT"],
    "qpt.training.config": ["TrainConfig"],
    "qpt.training.run": ["Training"],
    "qpt.runs.models": ["about_model", "load", "save_model"],
    "qpt.predict": ["predict"],
    "qpt.sampling": ["dihedral_scan", "mixture", "molecular_dynamics", "normal_modes", "wiggle"],
    "reference": ["compare", "evaluate", "initial_guess", "pyscf_scf", "write_molden"],
    "lab.panels.train": ["train_panel"],
    "lab.panels.scf": ["scf_panel"],
    "lab.panels.gradients": ["gradient_panel"],
    "lab.panels.orbitals": ["view_orbital"],
    "lab.files.cube": ["write_cube"],
    "lab.files.exports": ["save_figure", "write_csv"],
    "lab.files.orbital_page": ["orbital_page"],
    "lab.workbench": ["workbench"],
}
_LAZY = {name: f"qptlab.{home}" for home, names in _HOMES.items() for name in names}

# In a notebook, a cell that ends in a molecule shows it in 3D.
if "IPython" in sys.modules:
    from qptlab.lab.views.molecule_view import register_formatters

    register_formatters()

__all__ = ["Molecule", "Theory", "molecule", "theory", *_LAZY]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module 'qptlab' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(set(globals()) | set(__all__))

"""The learning: from a molecule to a Kohn–Sham matrix, and from its energy to the weights.

In which order to read it: `prepared` (what a network sees), `networks` (what it makes of that),
`pipeline` (from there to an energy), `losses` (what is minimised), `predict` (the whole, used) and
`gradient_chain` (the whole, link by link). `shell_blocks` and `xc_response` are what networks are
made of, `labels` what the rivals need. Rooms: `networks`, `sampling` (where geometries come from),
`training` (the loop) and `runs` (what is kept on disk).
"""

import importlib

_LAZY = {
    "MATRICES": "prepared",
    "first_build": "prepared",
    "prepare": "prepared",
    "cut": "shell_blocks",
    "damp": "shell_blocks",
    "invariants": "shell_blocks",
    "scale_blocks": "shell_blocks",
    "OrbitalLayer": "networks.paper",
    "SIZES": "networks.paper",
    "REACH": "predict",
    "baseline_energies": "training.validation",
    "frozen_frames": "runs.shipped",
}
"""What lessons look at, by where it is; imported when first used."""

__all__ = [*_LAZY]


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module 'qptlab.qpt' has no attribute {name!r}")
    return getattr(importlib.import_module(f"qptlab.qpt.{_LAZY[name]}"), name)

"""What people see: plots, 3D views, panels and the files that they leave behind.

Read `workbench` first, which puts all panels on one page, then the rooms from the top down:

- `panels/`: the training, the SCF, the gradients, the orbitals, runs and exports, with controls
- `files/`: cube files, tables, pictures, and the web page of orbitals
- `plots/`: numbers to matplotlib figures
- `views/`: widgets, each beside its JavaScript, and what is drawn in 3D

A room imports from those below it only. `launch` opens JupyterLab, `glossary` writes the lesson of
symbols, and the style of the course is `plt.style.use("qptlab.lab.course")`.
"""

import importlib

# Imported when first used; where lessons find them.
_LAZY = {"Plane": "qptlab.lab.plots.plane", "orbital_name": "qptlab.lab.views.orbital_names"}


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module 'qptlab.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)

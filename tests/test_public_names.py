"""The public names: they exist, import quickly, and their examples run."""

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import qptlab

ROOT = Path(qptlab.__file__).parents[1]
SOURCES = sorted((ROOT / "qptlab").rglob("*.py"))
DOCUMENTED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if ">>>" in path.read_text(encoding="utf-8")
]
"""Every module with an example: none is kept out."""
LIVE = "qptlab.lab."
"""Where examples may be of what only a notebook shows, and so are read but not run."""


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples(name):
    importlib.import_module(name)
    # not getattr from the package: a function may have its module's name
    result = doctest.testmod(sys.modules[name])
    assert result.failed == 0
    assert result.attempted > 0 or name.startswith(LIVE)


@pytest.mark.parametrize("name", qptlab.__all__)
def test_every_public_name_exists_and_says_what_it_is(name):
    assert getattr(qptlab, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        qptlab.nonsense  # noqa: B018
    assert "BlockQPT" in dir(qptlab)


def imported_by(code: str) -> set[str]:
    """The modules that a fresh process holds after this."""
    code = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_is_light():
    heavy = {"matplotlib", "ipywidgets", "pyscf", "equinox", "py3Dmol", "scipy.spatial"}
    assert not heavy & imported_by("import qptlab")


def test_loading_a_network_compiles_nothing():
    code, told = "import qptlab; qptlab.load('water')", {**os.environ, "JAX_LOG_COMPILES": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert done.returncode == 0 and "Compiling" not in done.stderr


def test_loading_a_network_imports_no_samplers_and_no_optimisers():
    heavy = {"ase.md", "ase.optimize", "optax", "qptlab.qpt.sampling", "qptlab.qpt.training.run"}
    assert not heavy & imported_by("import qptlab; qptlab.load('water')")

"""The public names: they exist, import quickly, and their examples run."""

import doctest
import importlib
import subprocess
import sys

import pytest

import qptlab

DOCUMENTED = (
    "qptlab.molecule",
    "qptlab.theory",
    "qptlab.dft.batch",
    "qptlab.dft.forces",
    "qptlab.dft.properties",
    "qptlab.dft.scf",
    "qptlab.dft.surface",
    "qptlab.qpt.sampling.dynamics",
    "qptlab.qpt.sampling.mixture",
    "qptlab.qpt.sampling.modes",
    "qptlab.qpt.sampling.scan",
    "qptlab.qpt.sampling.wiggle",
    "qptlab.qpt.networks.block",
    "qptlab.qpt.networks.paper",
    "qptlab.qpt.runs.folder",
    "qptlab.qpt.training.run",
    "qptlab.qpt.losses",
    "qptlab.reference.compare",
    "qptlab.reference.starting_density",
    "qptlab.reference.pyscf_runs",
)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples(name):
    importlib.import_module(name)
    # not getattr from the package: a function may have its module's name
    result = doctest.testmod(sys.modules[name])
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("name", qptlab.__all__)
def test_every_public_name_exists_and_says_what_it_is(name):
    assert getattr(qptlab, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        qptlab.nonsense  # noqa: B018
    assert "BlockQPT" in dir(qptlab)


def test_importing_is_light():
    code = "import sys, qptlab; print(*{m.partition('.')[0] for m in sys.modules})"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"matplotlib", "ipywidgets", "pyscf", "equinox", "py3Dmol"} & set(shown)

"""qptlab does what it does with every dependency that pyproject.toml allows, the oldest too."""

import shutil
from xml.etree import ElementTree

import pytest
from environments.virtual import (
    ROOT,
    create,
    environments,
    lower_bounds,
    python,
    run,
    versions,
)

pytestmark = pytest.mark.environments

NAMES = [
    "test_cli_refusals.py",
    "test_descriptions.py",
    "test_dft_against_pyscf.py::test_our_scf_converges_to_pyscfs",
    "test_html.py",
    "test_launch.py::test_the_server_prints_its_address_and_serves_the_workbench",
    "test_molecule.py",
    "test_orbital_files.py",
    "test_plots.py",
    "test_public_names.py::test_every_public_name_exists_and_says_what_it_is",
    "test_reading.py",
    "test_reading_others.py",
    "test_run_folders.py",
    "test_sizes.py",
    "test_training.py::test_a_saved_run_resumes_bit_for_bit",
    "test_workbench_panel.py",
]
"""Quick tests that between them meet every dependency."""
SOURCES = "tests/test_html.py::test_no_script_of_ours_writes_markup"
"""Looks at sources that no wheel has."""
SHOWN = "jax", "numpy", "pyscf", "scipy", "equinox", "rdkit"
"""Packages whose versions are printed."""


@pytest.fixture
def tree(tmp_path):
    """The tests with their settings and pages, without the package: it has to be installed."""
    for name in ("tests", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("environment", environments(), ids=str)
def test_the_tests_pass(environment, uv, wheel, tree, capsys):
    if python(environment.minor) is None:
        pytest.skip(f"there is no Python 3.{environment.minor} on this machine")
    here = create(environment, tree / "env", wheel, uv)
    home = run([here, "-c", "import qptlab; print(qptlab.__file__)"], cwd=tree)
    assert home.startswith(str(tree / "env"))
    bounds = lower_bounds()
    found = versions(here, bounds)
    if environment.choice == "oldest":
        newer = [name for name in bounds if not found[name].startswith(bounds[name])]
        assert newer == []
    names = [f"tests/{name}" for name in NAMES]
    options = ["-n", "0", "-q", "--junit-xml", "report.xml", "--deselect", SOURCES]
    try:
        run([here, "-m", "pytest", *options, *names], cwd=tree)
    finally:
        with capsys.disabled():
            shown = ", ".join(f"{name} {found[name]}" for name in SHOWN)
            print(f"\n{environment}: {counts(tree / 'report.xml')}; {shown}")


def counts(report) -> str:
    """Tried and passed."""
    if not report.exists():
        return "the tests did not end"
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total = {
        name: sum(int(suite.get(name)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    }
    tried = total["tests"] - total["skipped"]
    passed = tried - total["failures"] - total["errors"]
    return f"{passed} of {tried} passed, {total['skipped']} skipped"

"""The house rules of the code: which room may import which, and how large a piece may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# An import may only go from a room to one with a smaller number; "" is qptlab/__init__.py.
ROOMS = {
    "errors": 0, "files": 0, "children": 0, "signals": 0, "types": 0, "units": 0,
    "molecule": 1, "theory": 1, "reading": 2, "dft": 2, "library": 3,
    "qpt": 3, "reference": 4, "lab": 5, "": 6, "bench": 7, "cli": 8, "__main__": 9,
}  # fmt: skip
PICTURES = {"matplotlib", "ipywidgets", "py3Dmol", "anywidget", "IPython"}
PYSCF_CALLERS = {
    f"qptlab/dft/{name}.py"
    for name in (
        "basis_sets",
        "grid",
        "integrals",
        "minao",
        "mol",
        "nuclear/one_electron",
        "nuclear/repulsion",
        "repulsion",
    )
}  # fmt: skip; and `reference`
MAX_FILE, MAX_FUNCTION = 300, 60


def imported_modules(path: Path, root: Path) -> set[str]:
    """Every module that a file imports, inside functions too, as absolute dotted names."""
    package = path.relative_to(root).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            found.add(module)
            # `from qptlab import dft` imports a room, `from qptlab import scf` a public name
            if module == "qptlab":
                found.discard(module)
                found |= {f"qptlab.{a.name}" if a.name in ROOMS else module for a in node.names}
    return found


def room(parts: tuple[str, ...]) -> str:
    """The room of a dotted name or path below qptlab."""
    return parts[1].removesuffix(".py").removesuffix("__init__") if len(parts) > 1 else ""


def broken_rules(root: Path) -> list[str]:
    """One line for every import that the house does not allow."""
    broken = []
    for path in sorted((root / "qptlab").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        here = room(path.relative_to(root).parts)
        if here not in ROOMS:
            broken.append(f"{name}: there is no room {here!r}")
            continue
        for module in sorted(imported_modules(path, root)):
            package = module.partition(".")[0]
            there = room(tuple(module.split(".")))
            if package == "qptlab" and there != here and ROOMS.get(there, 99) >= ROOMS[here]:
                broken.append(f"{name} imports {module}: that arrow points up")
            if package in PICTURES and ROOMS[here] < ROOMS["lab"]:
                broken.append(f"{name} imports {module}: pictures belong in lab")
            if package == "pyscf" and name not in PYSCF_CALLERS and here != "reference":
                broken.append(f"{name} imports {module}: only integrals and reference may")
    return broken


def test_imports_go_downward_only():
    assert broken_rules(ROOT) == []


def test_no_import_hides_in_a_function():
    """Below the pictures, what a module needs of ours stands at its top: there is no circle."""
    hidden = []
    for room_name in ("dft", "qpt", "reference"):
        for path in sorted((ROOT / "qptlab" / room_name).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                inside = isinstance(node, ast.ImportFrom) and node.col_offset > 0
                if inside and (node.module or "").startswith("qptlab"):
                    hidden.append(f"{path.relative_to(ROOT)}: {node.module}")
    assert hidden == []


@pytest.mark.parametrize(
    "file, line",
    [
        ("units.py", "from qptlab.molecule import Molecule"),
        ("dft/a.py", "import qptlab.qpt.training.run"),
        ("dft/a.py", "from qptlab.reference import compare"),
        ("dft/a.py", "from qptlab import lab"),
        ("dft/a.py", "from ..qpt import networks"),
        ("dft/a.py", "def f():\n    from matplotlib import pyplot"),
        ("qpt/a.py", "import ipywidgets as w"),
        ("qpt/a.py", "import qptlab.reference as r"),
        ("qpt/a.py", "from qptlab import scf"),
        ("molecule.py", "import py3Dmol"),
        ("reference.py", "from qptlab.lab.views.box import Box"),
        ("lab/a.py", "import pyscf"),
        ("dft/a.py", "import pyscf.dft"),
        ("lab/a.py", "from qptlab.cli import main"),
        ("bench.py", "from . import cli"),
        ("extra.py", "import math"),
    ],
)
def test_a_wrong_import_is_found(tmp_path, file, line):
    path = tmp_path / "qptlab" / file
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert len(broken_rules(tmp_path)) == 1


def test_a_right_import_is_not_complained_about(tmp_path):
    (tmp_path / "qptlab" / "dft").mkdir(parents=True)
    (tmp_path / "qptlab" / "dft" / "a.py").write_text(
        "import jax\nfrom qptlab.units import X\nfrom qptlab import molecule\nfrom . import b\n"
    )
    (tmp_path / "qptlab" / "dft" / "integrals.py").write_text("from pyscf import gto\n")
    assert broken_rules(tmp_path) == []


def test_files_and_functions_have_one_job():
    too_long = []
    sources = [p for top in ("qptlab", "tests") for p in sorted((ROOT / top).rglob("*.py"))]
    sources += sorted((ROOT / "qptlab/lab/frontend/src").glob("*"))
    sources += sorted((ROOT / "qptlab/lab/files").glob("orbital_page.*"))
    sources += sorted((ROOT / "qptlab/lab/views").glob("*.js"))
    for path in sources:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        if (lines := text.count("\n")) > MAX_FILE:
            too_long.append(f"{name}: {lines} lines")
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION:
                    too_long.append(f"{name}: {node.name} has {length} lines")
    assert too_long == []

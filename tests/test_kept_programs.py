"""Programs are kept between processes, and what is damaged, foreign or nameless counts as none."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import qptlab as ql
from qptlab.dft import kept_programs
from qptlab.dft.compiling import jit
from qptlab.dft.density import fill
from qptlab.dft.kept_programs import program
from qptlab.dft.schemes import SCHEMES
from qptlab.dft.structures import Unknown, described, is_array, rebuilt
from qptlab.dft.xc import RECORDS
from qptlab.qpt.losses import LOSSES
from qptlab.qpt.training.state import first_state

FOCK = np.diag([-1.0, -0.5, 0.3, 1.0])
TWO = (jnp.asarray(FOCK), jnp.eye(4), jnp.ones(2))


class Foreign(NamedTuple):
    """A class that is not of qptlab."""

    x: int


@dataclass(frozen=True)
class ForeignRecord:
    """Another."""

    x: int


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where programs are kept for this test; in other tests of this process they are not."""
    monkeypatch.setattr(kept_programs, "_folder", lambda: tmp_path)
    return tmp_path


def network():
    return ql.BlockQPT.create(ql.molecule("water"), "pbe/sto-3g", layers=1, response=4)


@pytest.mark.parametrize(
    "tree",
    [
        {"a": [1, 2.5, None, True], "b": ("x", jnp.ones(3))},
        ql.theory("pbe/sto-3g"),
        pytest.param(lambda: first_state(network()), id="a training's state"),
        pytest.param(lambda: optax.MaskedNode(), id="a named tuple"),
    ],
)
def test_a_tree_is_itself_again(tree):
    tree = tree() if callable(tree) else tree
    leaves, expected = jax.tree.flatten(tree)
    kept = []

    def number(array):
        kept.append(array)
        return len(kept) - 1

    told = json.loads(json.dumps(described(tree, number)))
    again, structure = jax.tree.flatten(rebuilt(told, lambda i: kept[i]))
    assert structure == expected
    assert all(a is b or a == b for a, b in zip(again, leaves, strict=True))
    assert len(kept) == sum(map(is_array, leaves))


@pytest.mark.parametrize("thing", [lambda x: x, Foreign(1), ForeignRecord(1), object(), {1: 2}])
def test_what_has_no_name_is_unknown(thing):
    with pytest.raises(Unknown):
        described((1, [thing]), str)


@pytest.mark.parametrize(
    "structure",
    [
        {"object": "os:system"},
        {"named tuple": "subprocess:Popen", "items": []},
        {"record": "pathlib:Path", "fields": {}},
        {"named tuple": "qptlab.dft.scf:scf", "items": []},
    ],
)
def test_nothing_else_is_found_by_a_name(structure):
    with pytest.raises(Unknown):
        rebuilt(structure, int)


def test_a_program_is_found_again(folder, monkeypatch):
    made = program(fill, TWO, {})
    assert [path.suffix for path in folder.iterdir()] == [".program"]
    monkeypatch.setattr(kept_programs, "_lowered", None)  # not made a second time
    found = program(fill, TWO, {})
    for one in (made, found):
        filled = one.compiled({})(list(TWO))
        assert type(filled).__name__ == "Filled"
        np.testing.assert_allclose(np.abs(filled.orbitals), np.eye(4)[:, :2], atol=1e-12)


def test_other_shapes_and_settings_are_other_programs(folder):
    for args in (TWO, (*TWO[:2], jnp.ones(3)), tuple(x.astype(jnp.float32) for x in TWO)):
        program(fill, args, {})
    assert len(list(folder.iterdir())) == 3


def test_what_is_passed_on_is_no_part_of_the_program(folder):
    from qptlab.dft.integrals import integrals
    from qptlab.qpt.prepared import bare_first_build

    ints = integrals(ql.molecule("hydrogen"), ql.theory("lda/sto-3g"))
    made = program(bare_first_build.__wrapped__, (ints,), {})
    arrays = jax.tree.leaves(ints)
    prepared = made.compiled({})(arrays)
    assert prepared.integrals.grid_ao is ints.grid_ao  # not a copy
    assert len(made.lowered.out_avals) < len(jax.tree.leaves(prepared))
    assert np.asarray(prepared.start) == pytest.approx(np.asarray(bare_first_build(ints).start))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "folder"])
def test_a_damaged_file_counts_as_none(folder, damage):
    program(fill, TWO, {})
    (path,) = folder.iterdir()
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        kinds = {"cut": content[:middle], "flipped": flipped, "empty": b"", "text": b"a\nb\nc"}
        path.write_bytes(kinds[damage])
    again = program(fill, TWO, {}).compiled({})(list(TWO))
    np.testing.assert_allclose(again.dm, 2 * np.diag([1, 1, 0, 0]), atol=1e-12)
    if damage != "folder":
        assert kept_programs._read(path) is not None  # replaced


def test_what_cannot_be_kept_runs_all_the_same(folder):
    class Own(eqx.Module):
        x: jax.Array

    assert program(lambda x: x, (jnp.ones(2),), {}) is None
    assert program(fill, (Own(jnp.ones(2)),), {}) is None
    assert program(jax.vmap(fill), TWO, {}) is None  # it has fill's name
    assert float(jit(lambda own, times: times * own.x.sum())(Own(jnp.ones(2)), 3)) == 6.0
    assert not list(folder.iterdir())


@pytest.mark.parametrize("registry", [RECORDS, SCHEMES, LOSSES], ids=["xc", "schemes", "losses"])
def test_what_a_user_adds_is_never_kept_under_its_name(folder, monkeypatch, registry):
    """The name says nothing of what another user, or the same one tomorrow, means by it."""
    with monkeypatch.context() as patch:
        patch.setitem(registry, "mine", next(iter(registry.values())))
        assert program(fill, TWO, {}) is None
    with monkeypatch.context() as patch:
        first = next(iter(registry))
        patch.setitem(registry, first, registry[list(registry)[1]])
        assert program(fill, TWO, {}) is None
    assert not list(folder.iterdir())
    assert program(fill, TWO, {}) is not None


def test_a_place_that_takes_no_file_costs_nothing_but_time(monkeypatch):
    monkeypatch.setattr(kept_programs, "_folder", lambda: kept_programs.Path("/dev/null/programs"))
    assert program(fill, TWO, {}).compiled({})(list(TWO)).dm.shape == (4, 4)


def test_the_oldest_make_room(folder, monkeypatch):
    program(fill, TWO, {})
    (first,) = folder.iterdir()
    monkeypatch.setattr(kept_programs, "LARGEST_BYTES", first.stat().st_size + 10)
    kept_programs.os.utime(first, (1, 1))
    program(fill, (*TWO[:2], jnp.ones(3)), {})
    (left,) = folder.iterdir()
    assert left != first


def test_two_processes_may_write_at_once_and_the_next_one_traces_nothing(tmp_path):
    code = (
        "import qptlab as ql, qptlab.dft.kept_programs as kept, sys\n"
        "if sys.argv[1] == 'next': kept._lowered = None\n"
        "print(float(ql.scf(ql.molecule('hydrogen'), 'lda/sto-3g').energy.total))"
    )
    environment = {**kept_programs.os.environ, "JAX_COMPILATION_CACHE_DIR": str(tmp_path)}

    def started(which: str):
        return subprocess.Popen(
            [sys.executable, "-c", code, which], env=environment, stdout=subprocess.PIPE, text=True
        )

    first = [started("first") for _ in range(2)]
    energies = [one.communicate(timeout=300)[0] for one in first]
    energies.append(started("next").communicate(timeout=300)[0])
    assert len(set(energies)) == 1 and float(energies[0]) < -1
    assert not [p for p in (tmp_path / "programs").iterdir() if p.suffix != ".program"]

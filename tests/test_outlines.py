"""Shapes that are known before anything is computed, and programs compiled for them."""

import importlib
import json

import jax
import numpy as np
import pytest
from geometries import distorted
from jax import monitoring
from tiers import slow

from qptlab import BlockQPT, Theory, load, molecule, predict, read_frames, scf
from qptlab.cli import main
from qptlab.dft import kept_programs
from qptlab.dft.integrals import default_grid, integrals, shape_of
from qptlab.dft.ladder import rung
from qptlab.dft.outlines import outline, outline_of, shapes_of
from qptlab.dft.scf import compile_ahead as scf_ahead
from qptlab.errors import InputError
from qptlab.lab.panels.setup import Setup, build, compile_ahead
from qptlab.library import library_names
from qptlab.qpt.predict import compile_ahead as predict_ahead
from qptlab.qpt.prepared import bare_first_build, outline_of_build
from qptlab.qpt.warm import rungs

COMPILED = "/jax/core/compile/backend_compile_duration"
SHIPPED = importlib.resources.files("qptlab.models").joinpath("general.xyz")


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """Names of the programs that are compiled from now on; programs are kept meanwhile."""
    monkeypatch.setattr(kept_programs, "_folder", lambda: tmp_path)
    names = []

    def listen(event, seconds, fun_name="", **_):
        if event == COMPILED:
            names.append(fun_name)

    monitoring.register_event_duration_secs_listener(listen)
    yield names
    monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize(
    "case, level",
    [
        (distorted("water"), Theory("b3lyp5", "6-31g")),
        (distorted("water", charge=1, spin=1), Theory("cam-b3lyp", "sto-3g")),
        (molecule("hydrogen"), Theory("hf", "def2-svp")),
        (distorted("water"), Theory("r2scan", "sto-3g", coulomb="exact")),
    ],
    ids=str,
)
def test_an_outline_has_the_shapes_of_the_integrals(case, level):
    computed = integrals(case, level, fit=rung)
    expected = jax.tree.map(lambda a: (a.shape, np.dtype(a.dtype)), computed)
    assert jax.tree.map(lambda a: (a.shape, a.dtype), outline_of(case, level)) == expected


def test_the_outline_of_a_first_build_has_the_shapes_of_one():
    ints = integrals(molecule("hydrogen"), Theory("lda", "sto-3g"), fit=rung)
    told = outline_of_build(shapes_of(ints))
    made = jax.eval_shape(bare_first_build, ints)
    assert jax.tree.structure(told) == jax.tree.structure(made)
    assert jax.tree.leaves(told) == jax.tree.leaves(made)


def test_what_was_compiled_ahead_is_not_compiled_again(compiled):
    # a theory of this test alone: what others had compiled would not be compiled again
    level, case = Theory("pw92", "3-21g"), distorted("water")
    network = BlockQPT.create(case, level, layers=1)
    shape = rung(shape_of(case, level, default_grid(case, level)))
    predict_ahead(network, shape)
    scf_ahead(shape, level)
    assert compiled
    compiled.clear()
    energies = [predict(network, case, refine).energy.total for refine in (0, 2, 3)]
    found = scf(case, level)
    assert compiled == []
    assert energies[-1] == pytest.approx(found.energy.total, abs=1e-7)


@slow
def test_a_training_begins_at_once_where_it_was_compiled_for(compiled):
    setup = Setup("hydrogen", molecule("hydrogen"), Theory("pw92", "6-31g"), network="new, small")
    compile_ahead(setup)
    run = build(setup)
    next(iter(run))
    stepped = [name for name in compiled if name == "jit(call)"]
    compiled.clear()
    next(iter(build(setup)))
    assert stepped and "jit(call)" not in compiled


def test_rungs_are_those_of_molecules():
    network = load("general")
    known = rungs(network, 20)
    cases = [molecule(name) for name in library_names()]
    cases += [frame for frame in read_frames(str(SHIPPED)) if frame.charge == 0]
    within = [
        case
        for case in cases
        if not case.spin and len(case.symbols) <= 20 and set(case.symbols) <= set(network.made_for)
    ]
    assert len(within) > 90
    for case in within:
        grid = default_grid(case, network.theory)
        assert rung(shape_of(case, network.theory, grid)) in known, case
    sizes = [shape.n_ao for shape in known]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize("up_to", [0, -1, 61])
def test_sizes_that_no_rung_has_are_refused(up_to):
    with pytest.raises(InputError, match=f"up to {up_to} atoms; expected 1 to 60"):
        rungs(load("general"), up_to)


@slow
def test_the_command_compiles_for_its_rungs(capsys, compiled):
    assert main(["warm", "--up-to", "2", "--model", "water", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["shapes"] == len(rungs(load("water"), 2)) > 0 and record["theory"]
    compiled.clear()
    outlined = [outline(shape, load("water").theory) for shape in rungs(load("water"), 2)]
    for ints in outlined:
        bare_first_build.ahead(ints)
    assert compiled == []


def test_the_command_says_what_it_cannot_do(capsys):
    assert main(["warm", "--up-to", "99"]) == 2
    assert capsys.readouterr().err == "qptlab warm: up to 99 atoms; expected 1 to 60\n"

"""Many molecules in one training: what is drawn, learned, held out and reported."""

import json
from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest
from tiers import later, slow

from qptlab.bench.table import micro
from qptlab.cli import main, tables
from qptlab.dft.integrals import integrals
from qptlab.library import molecule
from qptlab.molecule import Molecule, to_xyz
from qptlab.qpt.losses import loss, parse_loss
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.predict import predict, within_reach
from qptlab.qpt.prepared import first_build, prepare
from qptlab.qpt.runs.models import load
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    Frames,
    mixture,
    molecules,
    sampler_from_json,
    sampler_json,
    wiggle,
)
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.pool import mean_bytes, n_bytes
from qptlab.qpt.training.run import Training
from qptlab.qpt.training.step import gradient
from qptlab.qpt.training.validation import _errors
from qptlab.reference import evaluate, pyscf_scf
from qptlab.theory import parse_theory

SPEC = "lda/sto-3g"
NAMES = ("hydrogen", "hydrogen-fluoride", "water")


def parts(*names: str) -> list:
    return [wiggle(molecule(name)) for name in names]


def drawn(sampler, split: str, count: int, seed: int = 0) -> list[Molecule]:
    return [sampler(split, seed, index) for index in range(count)]


def test_every_round_has_every_molecule_once_in_an_order_of_its_own():
    sampler = mixture(parts(*NAMES))
    for split in (TRAIN, VALIDATION):
        formulas = [m.formula for m in drawn(sampler, split, 60)]
        rounds = [tuple(formulas[i : i + 3]) for i in range(0, 60, 3)]
        assert all(sorted(r) == ["FH", "H2", "H2O"] for r in rounds)
        # 20 of 6 orders
        assert len(set(rounds)) > 3
    assert [m.formula for m in drawn(sampler, TRAIN, 60, seed=1)] != [
        m.formula for m in drawn(sampler, TRAIN, 60)
    ]


def test_a_geometry_depends_on_split_seed_and_index_only():
    one, other = (mixture(parts(*NAMES)) for _ in range(2))
    forward = drawn(one, TRAIN, 12)
    assert [other(TRAIN, 0, i) for i in reversed(range(12))] == forward[::-1]
    assert len({*forward, *drawn(one, VALIDATION, 12), *drawn(one, TRAIN, 12, seed=1)}) == 36
    with pytest.raises(ValueError, match="unknown split"):
        one("test", 0, 0)


def test_molecules_of_one_round_are_not_displaced_alike():
    heavy = molecule("water")
    twin = Molecule(("O", "H", "H"), heavy.positions * 1.001)
    sampler = mixture([wiggle(heavy), wiggle(twin)])
    lengths = [np.linalg.norm(m.positions[1] - m.positions[2]) for m in drawn(sampler, TRAIN, 2)]
    assert abs(lengths[0] - lengths[1]) > 0.01


def test_molecules_held_out_are_validated_with_and_never_trained_on():
    sampler = mixture(parts("hydrogen", "water"), held_out=parts("ammonia"))
    assert {m.formula for m in drawn(sampler, TRAIN, 30)} == {"H2", "H2O"}
    assert {m.formula for m in drawn(sampler, VALIDATION, 30)} == {"H3N"}
    assert [m.formula for m in molecules(sampler, TRAIN)] == ["H2", "H2O"]
    assert [m.formula for m in molecules(sampler, VALIDATION)] == ["H3N"]
    assert repr(sampler) == "Mixture(2 to train on, 1 held out)"


def test_what_is_no_mixture_is_refused():
    with pytest.raises(ValueError, match="at least one sampler to train on"):
        mixture([])
    with pytest.raises(ValueError, match="H2O is to be trained on and to be held out"):
        mixture(parts("water"), held_out=parts("water"))


def test_a_run_folder_gives_back_the_same_mixture():
    stretched = [Molecule(("H", "F"), [[0, 0, 0], [0, 0, 1.5 + 0.1 * i]]) for i in range(9)]
    sampler = mixture([*parts("water"), Frames(tuple(stretched))], held_out=parts("ammonia"))
    again = sampler_from_json(json.loads(json.dumps(sampler_json(sampler))))
    for split in (TRAIN, VALIDATION):
        assert drawn(again, split, 9, seed=3) == drawn(sampler, split, 9, seed=3)


def test_a_network_for_several_molecules_knows_all_their_elements():
    several = [molecule(name) for name in ("ammonia", "water", "hydrogen-fluoride")]
    model = BlockQPT.create(several, SPEC)
    assert model.made_for == ("F", "H", "N", "O")
    assert BlockQPT.create(several[:1], SPEC).made_for == ("H", "N")
    with pytest.raises(ValueError, match="at least one molecule"):
        BlockQPT.create([], SPEC)
    with pytest.raises(ValueError, match="closed shells only; O2"):
        BlockQPT.create([*several, molecule("oxygen")], SPEC)


@pytest.mark.parametrize("held_out", [False, True])
def test_a_network_must_be_for_every_molecule(held_out):
    model = BlockQPT.create(molecule("water"), SPEC)
    sides = (parts("water"), parts("ammonia"))
    sampler = mixture(*sides) if held_out else mixture(sides[0] + sides[1])
    with pytest.raises(ValueError, match="H3N also has N"):
        Training(model, sampler)


@pytest.mark.parametrize("spec", [later("energy"), "hamiltonian"])
def test_memory_is_that_of_the_molecules_on_average(spec):
    level, kept = parse_theory("b3lyp5/sto-3g"), parse_loss(spec)
    small, large = molecule("hydrogen"), molecule("water")
    ready = {m: prepare(m, level) for m in (small, large)}
    size = {m: (n_bytes(ready[m]), n_bytes(kept.needed(ready[m]))) for m in ready}
    for of in ready:
        apart = mixture([wiggle(small)], held_out=[wiggle(large)])
        both = mixture([wiggle(small), wiggle(large)])
        found = mean_bytes(apart, level, kept, of, ready[of])
        assert found == pytest.approx((size[large][0], size[small][1]), rel=0.03)
        found = mean_bytes(both, level, kept, of, ready[of])
        assert found == pytest.approx(np.mean([size[small], size[large]], axis=0), rel=0.03)
        found = mean_bytes(wiggle(of), level, kept, of, ready[of])
        assert found == pytest.approx(size[of])


@slow
def test_gradients_are_per_electron():
    water = molecule("water")
    model = BlockQPT.create(water, SPEC)
    prepared = first_build(integrals(wiggle(water)(TRAIN, 0, 0), model.theory))
    energy = parse_loss("energy")
    terms, weights = energy.terms, energy.weights(0.0)
    whole = eqx.filter_jit(eqx.filter_grad(lambda m: loss(m, prepared, terms, weights)[0]))(model)
    *_, norm, slope = gradient(model, prepared, terms, weights)
    squares = [float((10 * x.astype(float) ** 2).sum() * 10) for x in jax.tree.leaves(slope)]
    assert squares == pytest.approx([float((x**2).sum()) for x in jax.tree.leaves(whole)], rel=1e-3)
    assert 10 * float(norm) == pytest.approx(np.sqrt(sum(squares)), rel=1e-3)


@slow
def test_one_training_learns_several_molecules_and_says_when_it_compiles():
    # water is large and seldom met, and not left out for that
    sampler = mixture(parts(*["hydrogen"] * 6, *NAMES))
    model = BlockQPT.create(list(molecules(sampler, TRAIN)), SPEC)
    run = Training(model, sampler, TrainConfig(steps=240, batch=2, n_validation=6))
    seen = []
    begin = run._train_step  # the status is over when a step is logged

    def watched(batch, *rest):
        done = begin(batch, *rest)
        seen.append((run.status, {g.inputs.integrals.n_ao for g in batch}))
        return done

    run._train_step = watched
    *_, last = run
    met: set = set()
    for status, shapes in seen:
        assert status == ("training" if shapes <= met else "compiling")
        met |= shapes
    assert len(met) == 3 and run.clock.compile_seconds > 0
    assert last.val_error_ha[0] < 0.5 * run.baselines_ha["plain"][0]
    assert not any(log.skipped for log in run.history)


HYDROXIDE = Molecule(("O", "H"), [[0, 0, 0], [0, 0, 1.83]], charge=-1)


def write(path, *several: Molecule) -> str:
    path.write_text("".join(to_xyz(m, f"name=x charge={m.charge}") for m in several))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixture")
    write(folder / "train.xyz", molecule("hydrogen-fluoride"), molecule("water"))
    write(folder / "unseen.xyz", HYDROXIDE)
    train = ["train", str(folder / "train.xyz"), "--validate", str(folder / "unseen.xyz")]
    assert main([*train, "--theory", SPEC, "--steps", "2", "--out", str(folder / "run")]) == 0
    return folder


def test_the_command_line_trains_on_a_file_of_molecules(folder):
    run = Training.resume(folder / "run")
    assert [m.formula for m in molecules(run.sampler, TRAIN)] == ["FH", "H2O"]
    assert [m.charge for m in molecules(run.sampler, VALIDATION)] == [-1]
    assert run.config.n_validation == 1 and run.model.made_for == ("F", "H", "O")
    assert run.history[-1].val_error_ha is not None


@pytest.mark.parametrize(
    "options, message",
    [
        ("train {water} --resume", "has molecule FH H2O; got O H H"),
        ("train {train} --resume --validate {train}", "has --validate O H; got FH H2O"),
        ("train {train} --resume --sigma 0.1", "has --sigma 0.05; got 0.1"),
        ("train {train} --resume --charge 2", "has --charge 0 0; got 2 2"),
        ("train {train} --out {new} --sampler modes", "add --sampler wiggle to train on them"),
        ("train {train} --out {new} --model paper", "the paper's network is for one molecule"),
        ("train {water} --out {new} --validate {ammonia}", "H3N also has N"),
        ("train {water} --out {new} --sampler md --validate {train}", "--validate belongs to"),
        ("train {water} --out {new} --validate nowhere.xyz", "no such file: nowhere.xyz"),
        ("train {water} --out {new} --pool 0", "pool_gib 0.0; expected more than 0"),
        ("train {water} --out {new} --reuse 0", "reuse 0; expected 1 or more"),
    ],
)
def test_what_does_not_go_with_a_file_of_molecules(capsys, folder, tmp_path, options, message):
    places = {name: folder / f"{name}.xyz" for name in ("train", "water", "ammonia")}
    for name in ("water", "ammonia"):
        write(places[name], molecule(name))
    words = options.format(**places, new=tmp_path / "new").split()
    if "--resume" in words:
        words += ["--out", str(folder / "run"), "--steps", "3"]
    assert main(words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@slow
def test_an_evaluation_tells_molecules_apart(capsys, folder):
    several = [molecule("hydrogen-fluoride"), HYDROXIDE, molecule("water")]
    model = load(folder / "run")
    result = evaluate(model, several, refine=1)
    record = json.loads(json.dumps(result.to_json()))
    frames = record["frames"]
    assert [(f["formula"], f["charge"]) for f in frames] == [("FH", 0), ("HO", -1), ("H2O", 0)]
    for frame, case in zip(frames, several, strict=True):
        error = float(predict(model, case, 1).energy.total) - float(
            pyscf_scf(case, SPEC).energy.total
        )
        assert frame["energy_mae_ha"] == pytest.approx(abs(error), abs=1e-8)
        assert frame["within_reach"] == (frame["delta2_ha"] < 1.6e-3)
        assert set(frame["scf_speedup"]["1e-09"]) >= {"minao", "predicted"}
    errors = [f["energy_mae_ha"] for f in frames]
    diis = [f["baselines"]["diis"]["1"] for f in frames]
    assert record["energy_mae_ha"] == pytest.approx(np.mean(errors))
    assert record["medians_ha"] == {"network": sorted(errors)[1], "diis": sorted(diis)[1]}
    assert record["worse_than_diis"] == [i for i in range(3) if errors[i] > diis[i]]

    tables.evaluation(result)
    shown = capsys.readouterr().out
    assert "HO -1" in shown and "worse than DIIS: " in shown
    for what in (errors, diis):
        middle = micro(np.median(what))
        assert f"{micro(np.mean(what))} ({middle})" in shown, "beside each mean its median"
    assert f"median {micro(np.median(errors))}; 0 out of reach" in repr(result)
    tables.evaluation(replace(result, frames=result.frames[:1]))
    assert "worse than DIIS" not in capsys.readouterr().out


def test_validation_errors_are_summed_up_by_mean_and_median():
    found = _errors([-1.0] * 3, [[-0.9, -1.0], [-0.8, -1.0], [0.0, -1.3]])
    assert found.mean == pytest.approx({0: 1.3 / 3, 1: 0.1})
    assert found.median == pytest.approx({0: 0.2, 1: 0.0})


def test_a_molecule_outside_the_networks_reach_is_told_so():
    water = molecule("water")
    model = BlockQPT.create(water, SPEC)
    wrong = eqx.tree_at(lambda m: m.head.layers[-1].bias, model, replace_fn=lambda b: b + 0.1)
    far, near = predict(wrong, water), predict(wrong, water, refine=8)
    assert far.delta2 > 1.6e-3 > near.delta2
    assert f"ΔE₂, is {1e3 * far.delta2:.1f} mHa, more than 1.6" in far.message
    assert "reach" not in near.message
    assert within_reach(1e-3) and not within_reach(2e-3) and not within_reach(float("nan"))

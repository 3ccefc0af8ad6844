"""Samplers: what they draw, how they split, and that run folders keep them."""

import json
from pathlib import Path

import numpy as np
import pytest
from geometries import distorted
from tiers import later, slow

from qptlab.cli import main
from qptlab.library import molecule
from qptlab.molecule import Molecule, to_xyz
from qptlab.qpt.runs.folder import CONFIG, read_history
from qptlab.qpt.runs.request import NetworkRequest, SamplerRequest
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    Frames,
    Wiggle,
    frames_from_file,
    sampler_from_json,
    sampler_json,
    wiggle,
)

WATER_JSON = {
    "symbols": ["O", "H", "H"],
    "positions": [[0.0, 0.0, 0.2], [0.0, 1.4, -0.9], [0.0, -1.4, -0.9]],
    "charge": 0,
}


def stretched(count: int) -> tuple[Molecule, ...]:
    """Hydrogen fluoride, each frame a little longer than the one before."""
    return tuple(Molecule(("H", "F"), [[0, 0, 0], [0, 0, 1.5 + 0.01 * i]]) for i in range(count))


def numbers_seen(sampler, split: str) -> set[int]:
    """Which frames of `stretched` a split gives: turning one leaves its bond length."""
    drawn = (sampler(split, 0, index).positions for index in range(300))
    return {round((np.linalg.norm(xyz[1] - xyz[0]) - 1.5) * 100) for xyz in drawn}


def same_draws(a, b) -> bool:
    return all(a(split, 3, i) == b(split, 3, i) for split in (TRAIN, VALIDATION) for i in range(9))


def test_orientations_are_random():
    sampler = wiggle(molecule("hydrogen-fluoride"), sigma=0.0)
    for split in (TRAIN, VALIDATION):
        drawn = np.array([sampler(split, 0, i).positions for i in range(2000)])
        axes = drawn[:, 1] - drawn[:, 0]
        axes /= np.linalg.norm(axes, axis=1)[:, None]
        # the mean of n random directions has length about 1/√n
        assert np.linalg.norm(axes.mean(axis=0)) < 3 / np.sqrt(len(axes))
        np.testing.assert_allclose(axes.T @ axes / len(axes), np.eye(3) / 3, atol=0.03)


def test_one_trajectory_leaves_a_gap_before_validation():
    frames = Frames(stretched(50))
    assert numbers_seen(frames, TRAIN) == set(range(35))
    assert numbers_seen(frames, VALIDATION) == set(range(40, 50))
    two = Frames(stretched(2))
    assert (numbers_seen(two, TRAIN), numbers_seen(two, VALIDATION)) == ({0}, {1})


def write_frames(path, comments) -> str:
    frames = stretched(len(comments))
    path.write_text("".join(to_xyz(f, c) for f, c in zip(frames, comments, strict=True)))
    return path


def test_a_file_is_split_by_the_trajectories_it_names(tmp_path):
    names = [f"trajectory={i % 5} step={i}" for i in range(20)]
    frames = frames_from_file(write_frames(tmp_path / "a.xyz", names))
    held_out = {i for i in range(20) if i % 5 == 4}
    assert numbers_seen(frames, VALIDATION) == held_out
    assert numbers_seen(frames, TRAIN) == set(range(20)) - held_out
    # one name, or free text, is one trajectory
    for comments in (["trajectory=only"] * 20, [f"frame {i}, E = -1.2" for i in range(20)]):
        frames = frames_from_file(write_frames(tmp_path / "b.xyz", comments))
        assert numbers_seen(frames, TRAIN) == set(range(14))
    with pytest.raises(ValueError, match="1 of 3 frames have no trajectory="):
        frames_from_file(write_frames(tmp_path / "c.xyz", ["trajectory=1", "", "trajectory=2"]))


@pytest.mark.parametrize(
    "sampler",
    [
        Wiggle(distorted("water", charge=2), 0.07),
        Frames(stretched(9)),
        Frames(stretched(9), tuple("aaabbbccc")),
    ],
    ids=["wiggle", "file", "grouped file"],
)
def test_a_run_folder_gives_back_the_same_sampler(sampler):
    record = json.loads(json.dumps(sampler_json(sampler)))
    again = sampler_from_json(record)
    assert type(again) is type(sampler) and same_draws(again, sampler)


def test_samplers_of_old_run_folders_load():
    old = sampler_from_json({"kind": "wiggle", "sigma": 0.1, "molecule": WATER_JSON})
    assert isinstance(old, Wiggle) and old.sigma == 0.1
    old = sampler_from_json({"kind": "file", "frames": [WATER_JSON] * 10})
    # as it was split then: the last fifth, without a gap
    assert (len(old.training), len(old.validation)) == (8, 2)


class Homemade:
    molecule = molecule("water")

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        return self.molecule


def test_an_unknown_sampler_or_network_is_refused():
    with pytest.raises(ValueError, match="unknown sampler 'dice'; known: file"):
        sampler_from_json({"kind": "dice"})
    with pytest.raises(
        ValueError, match="unknown kind of sampler 'dice'; known: wiggle, modes, md"
    ):
        SamplerRequest(kind="dice")
    with pytest.raises(ValueError, match="unknown kind of network 'oracle'; known: block, paper"):
        NetworkRequest("oracle")
    with pytest.raises(ValueError, match="cannot hold a Homemade"):
        sampler_json(Homemade())
    with pytest.raises(ValueError, match="unknown split 'test'"):
        wiggle(molecule("water"))("test", 0, 0)


@slow
@pytest.mark.parametrize("sampler", ["md", later("modes"), later("file")])
def test_train_on_sampled_geometries(capsys, tmp_path, sampler):
    geometry, options = "hydrogen", ["--temperature", "500", "--minutes", "0.3"]
    if sampler == "file":
        geometry, options = str(tmp_path / "frames.xyz"), []
        write_frames(Path(geometry), [f"trajectory={name}" for name in "abab"])
    argv = ["train", geometry, "--out", str(tmp_path / "run"), "--sampler", sampler, *options]
    assert main([*argv, "--theory", "pbe/sto-3g", "--steps", "1"]) == 0
    record = json.loads((tmp_path / "run" / CONFIG).read_text())["sampler"]
    assert record["kind"] == sampler
    if sampler == "file":
        assert record["group"] == ["a", "b", "a", "b"]
    else:
        assert np.ravel(record["temperature_k"])[0] == 500
    assert main([*argv, "--steps", "2", "--resume"]) == 0
    assert len(read_history(tmp_path / "run")) == 2
    other = [*argv, "--steps", "3", "--resume"]
    other[argv.index("--sampler") + 1] = "wiggle"
    assert main(other) == 2
    assert f"has --sampler {sampler}; got wiggle" in capsys.readouterr().err

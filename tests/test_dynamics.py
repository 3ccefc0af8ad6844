"""Molecular dynamics: real temperatures, trajectories that stay on one side of the split."""

import json

import numpy as np
import pytest
from geometries import linear
from tiers import slow

from qptlab.dft.scf import scf
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.predict import predict
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    Trajectories,
    frames_from_file,
    molecular_dynamics,
    network_dynamics,
    sampler_from_json,
    sampler_json,
)
from qptlab.units import HARTREE_PER_KELVIN

SHORT = {"trajectories": 2, "frames": 3, "steps_per_frame": 1, "warm_up": 1}
STIFFNESS, LENGTH = 0.6, 1.75


def spring(molecule: Molecule):
    """Hydrogen fluoride's bond as a spring, hartree and bohr."""
    bond = molecule.positions[1] - molecule.positions[0]
    length = np.linalg.norm(bond)
    force = STIFFNESS * (length - LENGTH) * bond / length
    return float(0.5 * STIFFNESS * (length - LENGTH) ** 2), np.stack([force, -force])


@pytest.fixture(scope="module")
def fluoride():
    start = linear("H", "F", distance=LENGTH)
    return molecular_dynamics(start, spring, 300.0, validation_temperature_k=900.0, **SHORT)


def by_trajectory(values, runs: Trajectories) -> np.ndarray:
    """Mean of each trajectory, in units of its kT."""
    thermal = np.array(runs.temperature_k) * HARTREE_PER_KELVIN
    scaled, group = np.array(values) / thermal, np.array(runs.group)
    return np.array([scaled[group == number].mean() for number in np.unique(group)])


@slow
def test_energies_are_those_of_the_temperature():
    kelvin = 600.0
    start = linear("H", "F", distance=LENGTH)
    settings = {"trajectories": 19, "frames": 60, "steps_per_frame": 10, "friction_per_fs": 0.1}
    runs = molecular_dynamics(start, spring, kelvin, seed=1, **settings)
    # ∫ r² V exp(−V/kT) dr: the bond stretches in three dimensions
    r = np.linspace(0.5, 3.0, 20001)
    reduced = 0.5 * STIFFNESS * (r - LENGTH) ** 2 / (kelvin * HARTREE_PER_KELVIN)
    weight = r**2 * np.exp(-reduced)
    expected = {"kinetic": 6 / 2, "potential": (weight * reduced).sum() / weight.sum()}
    for name, value in expected.items():
        means = by_trajectory(getattr(runs, name), runs)
        error = means.std(ddof=1) / np.sqrt(len(means))
        assert error < 0.08 * value
        assert abs(means.mean() - value) < 3 * error


def test_trajectories_never_cross_the_split(fluoride):
    assert repr(fluoride) == (
        "Trajectories(FH, 9 frames, 2 trajectories to train on, 1 to validate with)"
    )
    assert set(fluoride.temperature_k[:6]) == {300.0} and fluoride.held_out == (2,)

    def lengths(molecules):
        return {round(float(np.linalg.norm(m.positions[1] - m.positions[0])), 9) for m in molecules}

    known = {TRAIN: lengths(fluoride.frames[:6]), VALIDATION: lengths(fluoride.frames[6:])}
    assert len(known[TRAIN] | known[VALIDATION]) == 9
    for split in (TRAIN, VALIDATION):
        assert lengths(fluoride(split, 0, i) for i in range(60)) == known[split]


def test_seeds_repeat_a_run(fluoride):
    start = linear("H", "F", distance=LENGTH)
    settings = SHORT | {"validation_temperature_k": 900.0}
    again = molecular_dynamics(start, spring, 300.0, **settings)
    other = molecular_dynamics(start, spring, 300.0, seed=1, **settings)
    assert again.frames == fluoride.frames
    assert not set(other.frames) & set(fluoride.frames)


def test_a_file_and_a_run_folder_give_back_the_same(fluoride, tmp_path):
    path = tmp_path / "md.xyz"
    fluoride.save(path)
    read = Trajectories.read(path)
    rebuilt = sampler_from_json(json.loads(json.dumps(sampler_json(fluoride))))
    for again in (read, rebuilt):
        for name in ("group", "temperature_k", "potential", "kinetic", "held_out"):
            assert getattr(again, name) == getattr(fluoride, name)
    assert rebuilt.frames == fluoride.frames
    for ours, theirs in zip(read.frames, fluoride.frames, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-10)
    # as frames of a file, whole trajectories are held out as well
    assert frames_from_file(path).validation == read.validation
    (tmp_path / "other.xyz").write_text("1\ntrajectory=1\nHe 0 0 0\n" * 3)
    with pytest.raises(ValueError, match=r"was not written by Trajectories.save: KeyError"):
        Trajectories.read(tmp_path / "other.xyz")


def test_a_trajectory_of_our_scf_has_its_energies():
    hydrogen = molecule("hydrogen")
    runs = molecular_dynamics(hydrogen, "pbe/sto-3g", **SHORT)
    for index in (2, 5, 8):
        result = scf(runs.frames[index], "pbe/sto-3g")
        assert runs.potential[index] == pytest.approx(float(result.energy.total), abs=1e-7)


@slow
def test_a_network_moves_on_its_own_energy():
    start = molecule("hydrogen-fluoride")
    model = BlockQPT.create(start, "pbe/sto-3g")
    settings = SHORT | {"trajectories": 1, "frames": 1}
    runs = network_dynamics(model, start, 300.0, refine=1, **settings)
    for frame, energy in zip(runs.frames, runs.potential, strict=True):
        assert energy == pytest.approx(float(predict(model, frame, 1).energy.total), abs=1e-9)
    # not where it started
    assert np.linalg.norm(runs.frames[0].positions[1] - runs.frames[0].positions[0]) != (
        pytest.approx(np.linalg.norm(start.positions[1] - start.positions[0]), abs=1e-3)
    )


def test_time_that_is_up_shortens_every_trajectory():
    start = linear("H", "F", distance=LENGTH)
    lines = []
    runs = molecular_dynamics(start, spring, seconds=0.2, frames=10**6, progress=lines.append)
    assert len(set(np.bincount(runs.group))) == 1 and len(set(runs.group)) == 4
    assert lines[0] == "dynamics: 1 of 1000010 frames of 4 trajectories"


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"trajectories": 0}, "trajectories 0; expected a whole number, 1 or more"),
        ({"frames": -2}, "frames -2; expected a whole"),
        ({"timestep_fs": -1.0}, "timestep_fs -1.0; expected a number above 0"),
        ({"seconds": np.nan}, "seconds nan; expected"),
        ({"temperature_k": -1.0}, "temperature -1.0 K"),
        ({"validation_temperature_k": np.inf}, "temperature inf K"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        molecular_dynamics(linear("H", "F", distance=LENGTH), spring, **settings)

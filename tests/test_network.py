"""The interface of networks: a stranger's network, written here, is as good as ours."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from geometries import distorted
from jaxtyping import Array, Float
from tiers import slow

from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network, checked, from_json, register, to_json
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import NetworkInputs
from qptlab.qpt.runs.folder import CONFIG, STATE
from qptlab.qpt.runs.models import load
from qptlab.qpt.sampling import wiggle
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.theory import Theory

SPEC = "pbe/sto-3g"


@register("scales")
class Scales(Network):
    """ΔF = Σ_k w_k A_k: one learned number for each of the first matrices that it is shown."""

    weights: Float[Array, " matrix"]
    theory: Theory = eqx.field(static=True)
    made_for: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def create(cls, molecule: Molecule, theory: str, count: int = 8) -> "Scales":
        """As ours."""
        return cls(jnp.zeros(count), *checked(molecule, theory))

    def describe(self) -> dict:
        """How many matrices."""
        return {"count": len(self.weights)}

    @classmethod
    def from_description(
        cls, described: dict, theory: Theory, elements: tuple[str, ...]
    ) -> "Scales":
        """Weights of the right number."""
        return cls(jnp.zeros(described["count"]), theory, elements)

    def __call__(self, inputs: NetworkInputs) -> Float[Array, "ao ao"]:
        """ΔF."""
        return jnp.einsum("k,kij->ij", self.weights, inputs.matrices.stacked[: len(self.weights)])


class Unregistered(Scales):
    """Has no name of its own."""


def new_run(out=None, **settings) -> Training:
    water = molecule("water")
    config = TrainConfig(**{"steps": 40, "batch": 2, "n_validation": 2, **settings})
    return Training(Scales.create(water, SPEC), wiggle(water), config, out=out)


@slow
def test_a_strangers_network_trains_saves_loads_and_resumes(tmp_path):
    whole, part = new_run(), new_run(out=tmp_path / "run")
    *_, last = whole
    assert last.loss < -1e-4 and whole.n_parameters == 8
    for log in part:
        if log.step == 20:
            break
    resumed = Training.resume(tmp_path / "run")
    list(resumed)
    assert np.abs(resumed.model.weights).max() > 1e-3
    assert np.array_equal(resumed.model.weights, whole.model.weights)
    for source in (tmp_path / "run", tmp_path / "run" / STATE):
        loaded = load(source)
        assert repr(loaded) == "Scales(pbe/sto-3g, elements H O, 0 k weights)"
        energies = [
            float(predict(m, distorted("water"), 1).energy.total) for m in (loaded, whole.model)
        ]
        assert energies[0] == energies[1]


def test_every_network_refuses_what_it_was_not_made_for():
    with pytest.raises(ValueError, match="made for H, O; H3N also has N"):
        predict(Scales.create(molecule("water"), SPEC), molecule("ammonia"))
    with pytest.raises(ValueError, match="closed shells only"):
        Scales.create(molecule("oxygen"), SPEC)


def test_what_a_run_folder_says_of_its_network(tmp_path):
    water = molecule("water")
    run = Training(BlockQPT.create(water, SPEC, token=16), wiggle(water), TrainConfig(steps=1))
    run.save(tmp_path / "run")
    written = {
        "kind": "block",
        "version": 3,
        "sizes": {"token": 16, "pair": 32, "layers": 3, "heads": 4, "distances": 12, "response": 0},
        "theory": {"xc": "pbe", "basis": "sto-3g", "grid": 1, "coulomb": "df"},
        "elements": ["H", "O"],
    }
    config = json.loads((tmp_path / "run" / CONFIG).read_text())
    assert config["model"] == written and config["format"] == 1
    assert repr(from_json(written)) == repr(load(tmp_path / "run")) == repr(run.model)
    # the first qptlab wrote no version, and its weights meant something else
    del written["version"]
    with pytest.raises(ValueError, match=r"weights of BlockQPT version 1, .* train again"):
        from_json(written)


def test_what_is_not_registered_is_refused_before_training(tmp_path):
    stranger = Unregistered.create(molecule("water"), SPEC)
    with pytest.raises(ValueError, match=r'Unregistered cannot be written: put @register\("a name'):
        Training(stranger, wiggle(molecule("water")), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    record = to_json(Scales.create(molecule("water"), SPEC))
    with pytest.raises(ValueError, match="unknown kind of network 'dream'; known: block, paper, s"):
        from_json({**record, "kind": "dream"})


@pytest.mark.parametrize("kind", ["block", "paper", "scales"])
def test_a_name_is_given_once(kind):
    with pytest.raises(ValueError, match=f"the kind of network '{kind}' is taken"):
        register(kind)(Unregistered)
    assert jax.tree.leaves(from_json(to_json(Scales.create(molecule("water"), SPEC))))

"""The recipes of notebooks/docs/architecture.md, each followed with a toy from the outside.

A toy does what the recipe's steps say, its line in a table by `monkeypatch`, and is then used as a
reader would: on water with lda/sto-3g.
"""

import re
import sys
from dataclasses import dataclass
from types import ModuleType

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from ipywidgets import Button
from jaxtyping import Array, Float
from pages import ROOT, sections
from toy_workbench import workbench
from waiting import wait_until

import qptlab as ql
from qptlab.bench import options, registry
from qptlab.bench.row import Row
from qptlab.dft import xc
from qptlab.dft.integrals import integrals
from qptlab.dft.scf_path import scf_path
from qptlab.dft.schemes import SCHEMES
from qptlab.dft.xc.uniform import slater
from qptlab.lab.panels.base import BackgroundPanel
from qptlab.lab.panels.runner import Runner
from qptlab.molecule import Molecule
from qptlab.qpt import losses
from qptlab.qpt.networks import base
from qptlab.qpt.networks.base import Network, checked, register
from qptlab.qpt.prepared import NetworkInputs
from qptlab.qpt.sampling import base as sampling
from qptlab.qpt.sampling.base import generator, saved_as, turned
from qptlab.theory import FUNCTIONALS

SPEC = "lda/sto-3g"
WATER = ql.molecule("water")
SETTINGS = {"steps": 3, "n_validation": 1, "refine": 0}


RECIPES = sections((ROOT / "notebooks/docs/architecture.md").read_text(encoding="utf-8"))[
    "Where do I add …"
]


def test_every_recipe_has_at_most_five_steps_and_a_toy():
    _, *parts = re.split(r"^### … an? (.*)$", RECIPES, flags=re.MULTILINE)
    recipes = dict(zip(parts[::2], parts[1::2], strict=True))
    assert len(recipes) == 7
    for name, text in recipes.items():
        steps = re.findall(r"^\d\. ", text, flags=re.MULTILINE)
        assert 3 <= len(steps) <= 5, name
        assert f"test_a_{name.split()[-1]}" in globals()


def xalpha(e):
    """Slater's exchange with α = 0.7. Source: Slater, Phys. Rev. 81, 385 (1951), scaled."""
    return 1.05 * slater(e)


def nothing(e):
    """No correlation."""
    return jnp.zeros_like(e.rho)


def test_a_functional(monkeypatch):
    record = xc.Functional("Xα", xalpha, nothing, "rho")
    monkeypatch.setitem(xc.RECORDS, "xalpha", record)
    monkeypatch.setitem(FUNCTIONALS, "xalpha", "1.05*slater,")
    compared = ql.compare(ql.scf(WATER, "xalpha/sto-3g"))
    ours, theirs = compared.terms["total"]
    assert abs(ours - theirs) < 1e-8 and compared.fock < 1e-6
    assert abs(ours - float(ql.scf(WATER, SPEC).energy.total)) > 1e-3


class OneNumber(Network):
    """ΔF = w J[dD], a single weight."""

    weight: Float[Array, ""]
    theory: ql.Theory = eqx.field(static=True)
    made_for: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def create(cls, molecule: Molecule, theory: str) -> "OneNumber":
        """Untrained."""
        return cls(jnp.asarray(0.0), *checked(molecule, theory))

    def __call__(self, inputs: NetworkInputs) -> Float[Array, "ao ao"]:
        """ΔF."""
        return self.weight * (inputs.start - inputs.fock)

    def describe(self) -> dict:
        """There is nothing to say."""
        return {}

    @classmethod
    def from_description(cls, described, theory, elements) -> "OneNumber":
        """The same with any weight."""
        return cls(jnp.asarray(0.0), theory, elements)


@pytest.fixture
def one_number(monkeypatch):
    """Registered for a test only: others list the kinds."""
    monkeypatch.setattr(base, "_CLASSES", dict(base._CLASSES))
    return register("one number")(OneNumber)


def test_a_network(tmp_path, one_number):
    network = OneNumber.create(WATER, SPEC)
    untrained = ql.predict(network, WATER).energy.total
    run = ql.Training(network, ql.wiggle(WATER), ql.TrainConfig(**SETTINGS), out=tmp_path / "run")
    assert [log.step for log in run] == [1, 2, 3]
    loaded = ql.load(tmp_path / "run")
    assert isinstance(loaded, OneNumber) and loaded.weight == run.model.weight != 0
    assert ql.predict(loaded, WATER).energy.total != untrained


def excess(point, prepared):
    """(E − E_plain)², hartree²: no good loss, but one."""
    return (point.energy - prepared.plain_energy) ** 2


def test_a_loss(monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "excess", losses.LossKind(excess))
    config = ql.TrainConfig(loss="0.5*excess", steps=3, n_validation=0)
    run = ql.Training(OneNumber.create(WATER, SPEC), ql.wiggle(WATER), config)
    assert [np.isfinite(log.loss) and log.loss >= 0 for log in run] == [True] * 3


@dataclass(frozen=True)
class Breathing:
    """The molecule larger or smaller by up to `share`, then turned."""

    molecule: Molecule
    share: float = 0.02

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = generator(split, seed, index)
        scale = 1 + self.share * rng.uniform(-1, 1)
        return turned(self.molecule.with_positions(scale * self.molecule.positions), rng)


def test_a_sampler(tmp_path, one_number, monkeypatch):
    monkeypatch.setattr(sampling, "_KINDS", dict(sampling._KINDS))
    saved_as("breathing")(Breathing)
    sampler = Breathing(WATER, 0.03)
    assert sampler("train", 0, 5) == sampler("train", 0, 5) != sampler("validation", 0, 5)
    network, config = OneNumber.create(WATER, SPEC), ql.TrainConfig(**SETTINGS)
    run = ql.Training(network, sampler, config, out=tmp_path / "run")
    list(run)
    resumed = ql.Training.resume(tmp_path / "run", steps=4)
    assert resumed.sampler == sampler and [log.step for log in resumed] == [4]


class EnergyPanel(BackgroundPanel):
    """The energy of water; without it: `ql.scf(water, theory).energy.total`."""

    def __init__(self, runner: Runner, theory: str) -> None:
        super().__init__(runner)
        self.said = "press the button"
        self.button = Button(description="Compute")
        self.button.on_click(lambda _: self._submit("an energy", lambda: self._compute(theory)))
        self.children = [self.button, self.status]
        self._refresher.poke()

    def _compute(self, theory: str) -> None:
        self.said = f"{ql.scf(WATER, theory).energy.total:.3f} Ha"

    def _draw(self) -> None:
        self.status.value = self._error or self.said


def test_a_panel():
    bench = workbench()
    for theory, words in ((SPEC, " Ha"), ("lda/nonsense", "nonsense")):
        panel = EnergyPanel(bench.panel.runner, theory)
        bench.tabs.children = (*bench.tabs.children, panel)
        wait_until(lambda panel=panel: panel.status.value == "press the button")
        panel.button.click()
        wait_until(lambda panel=panel, words=words: words in panel.status.value, seconds=120)
    bench._turn_to(len(bench.tabs.children) - 1)
    assert bench.tabs.children[bench.tabs.selected_index] is panel


class Mixture(eqx.Module):
    """The last mixture of Fock matrices, hartree, and how many are in it."""

    fock: Float[Array, "ao ao"]
    count: Float[Array, ""]


class Halved(eqx.Module):
    """Half of the newest Fock matrix, half of the mixture before."""

    def init(self, ints):
        """No matrix yet."""
        return Mixture(jnp.zeros_like(ints.h_core), jnp.asarray(0.0))

    def step(self, built, state, ints):
        """See `Scheme`."""
        fock = jnp.where(state.count > 0, 0.5 * (built.fock + state.fock), built.fock)
        return fock, Mixture(fock, state.count + 1)

    def settle(self, built, state):
        """See `Scheme`."""
        return built

    def shares(self, state):
        """See `Scheme`."""
        last = int(state.count) - 1
        return {0: 0.5**last} | {k: 0.5 ** (last - k + 1) for k in range(1, last + 1)}


def test_a_scheme(monkeypatch):
    monkeypatch.setitem(SCHEMES, "halved", Halved())
    path = scf_path(integrals(WATER, ql.theory(SPEC)), scheme="halved")
    assert abs(path.energy[-1] - float(ql.scf(WATER, SPEC).energy.total)) < 1e-5


def test_a_bench(monkeypatch):
    toy = ModuleType("qptlab.bench.toy")
    toy.rows = lambda asked: (
        Row(case=case, theory=str(theory), threads=asked.threads, compile_s=0.0)
        for case, theory in asked.pairs()
    )
    toy.summary = lambda rows: {"count": len(rows)}
    toy.tables = lambda report: [f"{report['summary']['count']} measured"]
    monkeypatch.setitem(sys.modules, toy.__name__, toy)
    record = registry.Bench("toy", "nothing", registry.molecules("water"), ("lda",))
    monkeypatch.setattr(registry, "BENCHES", [*registry.BENCHES, record])
    rows = list(registry.bench("toy").module.rows(options("toy")))
    report = {"rows": rows, "summary": toy.summary(rows)}
    assert rows[0].case == "water" and toy.tables(report) == ["1 measured"]

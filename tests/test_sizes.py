"""Sizes are told before anything is computed, and what does not fit is refused at once."""

import jax
import numpy as np
import pytest

import qptlab as ql
from qptlab.cli import main
from qptlab.dft import integrals
from qptlab.dft import size as sizes
from qptlab.dft.integrals import check_input
from qptlab.errors import InputError
from qptlab.molecule import Molecule, to_xyz


def chain(n: int) -> Molecule:
    """So many carbon atoms in a row, and hydrogen on each."""
    heavy = np.array([[2.4 * i, 0.8 * (i % 2), 0.0] for i in range(n)])
    up = heavy + [[0.0, 2.0 * (-1) ** (i + 1), 0.0] for i in range(n)]
    return Molecule(("C",) * n + ("H",) * n, np.concatenate([heavy, up]))


@pytest.mark.parametrize(
    "spec", ["b3lyp5/def2-svp", "pbe/6-31g*", "cam-b3lyp/def2-svp", "hf/sto-3g"]
)
@pytest.mark.parametrize("coulomb", ["df", "exact"])
def test_memory_told_is_at_least_that_of_the_integrals(spec, coulomb):
    ethanol, theory = ql.molecule("ethanol"), ql.theory(spec, coulomb=coulomb)
    told = sizes.needed_bytes(sizes.size(ethanol, theory), theory) - sizes.PROGRAM_BYTES
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(integrals(ethanol, theory)))
    assert held < told < 4 * held


@pytest.mark.parametrize("n", [150, 2_500, 10_000])
def test_what_does_not_fit_is_refused_before_it_is_begun(n, tmp_path, capsys):
    with pytest.raises(InputError, match=rf"C{n}H{n}.* orbitals.* GiB of memory, .* GiB are free"):
        check_input(chain(n), ql.theory("b3lyp5/def2-svp"))
    (tmp_path / "long.xyz").write_text(to_xyz(chain(n)))
    for argv in (["energy"], ["predict", "general"], ["evaluate", "general"]):
        assert main([*argv, str(tmp_path / "long.xyz")]) == 2
        shown = capsys.readouterr()
        assert shown.err.count("\n") == 1 and "GiB are free" in shown.err


def test_memory_at_hand_counts(monkeypatch):
    water, theory = ql.molecule("water"), ql.theory("pbe/def2-svp")
    check_input(water, theory)
    monkeypatch.setattr(sizes, "free_bytes", lambda: 2**28)
    with pytest.raises(InputError, match=r"0\.2 GiB are free; use a smaller basis or molecule"):
        check_input(water, theory)
    with pytest.raises(InputError, match="exact integrals of"):
        check_input(chain(30), ql.theory("hf/def2-svp", coulomb="exact"))


def test_a_container_has_less(monkeypatch, tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    monkeypatch.setattr(sizes, "_CGROUP", tmp_path)
    assert sizes.free_bytes() == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert sizes.free_bytes() > 600_000


def test_an_scf_says_what_it_does():
    lines = []
    result = ql.scf(ql.molecule("hydrogen"), "lda/sto-3g", progress=lines.append)
    assert len(lines) == result.fock_builds and lines[-1].startswith(f"build {len(lines)}: -1.1")

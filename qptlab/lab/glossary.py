"""The glossary: what symbols are called in the code, their shapes and units.

Shapes are read off a calculation on water, so that a field that is renamed or reshaped breaks
`notebooks/glossary.ipynb` and not the reader.
"""

import functools
from typing import NamedTuple

import numpy as np

from qptlab.dft import integrals, scf
from qptlab.dft.diis import commutator
from qptlab.library import molecule
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.predict import predict
from qptlab.qpt.prepared import first_build
from qptlab.theory import parse_theory

MOLECULE, THEORY = "water", "pbe/sto-3g"
HEAD = (
    "| symbol | in the code | what it is | axes | example | unit |",
    "|---|---|---|---|---|---|",
)


class Entry(NamedTuple):
    """One line of the glossary."""

    symbol: str  # TeX
    code: str  # an expression; its first name is one of `examples`
    meaning: str
    axes: str  # their names, "" for a number
    unit: str  # "" for none


ENTRIES = {
    "The molecule": (
        Entry(r"\mathbf R", "molecule.positions", "positions of the nuclei", "atom 3", "bohr"),
        Entry(r"N", "molecule.n_electrons", "number of electrons", "", ""),
        Entry(r"E_\text{nn}", "ints.e_nuc", "repulsion of the nuclei", "", "hartree"),
    ),
    "Atomic orbitals and their integrals": (
        Entry(r"\chi, \nabla\chi", "ints.grid_ao",
              "atomic orbitals and their gradients on the grid, in blocks of points",
              "block 4 point ao", "bohr$^{-3/2}$, bohr$^{-5/2}$"),
        Entry(r"w", "ints.grid_weights", "what a grid point counts in an integral",
              "block point", "bohr³"),
        Entry(r"S", "ints.overlap", "overlap of two atomic orbitals", "ao ao", ""),
        Entry(r"h", "ints.h_core", "kinetic energy and attraction by the nuclei", "ao ao",
              "hartree"),
    ),
    "The Kohn–Sham calculation": (
        Entry(r"D", "scf.dm", "density matrix, $2 C_\\text{occ} C_\\text{occ}^T$", "ao ao",
              "electrons"),
        Entry(r"E[D]", "scf.energy.total", "energy, the loss", "", "hartree"),
        Entry(r"\operatorname{tr} hD", "scf.energy.core",
              "kinetic energy and attraction by the nuclei", "", "hartree"),
        Entry(r"\tfrac12 \operatorname{tr} J[D] D", "scf.energy.coulomb",
              "repulsion of the density with itself", "", "hartree"),
        Entry(r"E_\text{x}", "scf.energy.exchange", "the functional's share of exact exchange",
              "", "hartree"),
        Entry(r"E_\text{xc}", "scf.energy.xc", "its part that is integrated on the grid", "",
              "hartree"),
        Entry(r"F = \partial E / \partial D", "scf.fock", "Kohn–Sham (Fock) matrix", "ao ao",
              "hartree"),
        Entry(r"C", "scf.mo_coeff", "molecular orbitals, $F C = S C \\varepsilon$", "ao mo", ""),
        Entry(r"\varepsilon", "scf.mo_energy", "orbital energies, ascending", "mo", "hartree"),
        Entry(r"n_\text{occ}", "scf.n_occ", "number of occupied orbitals", "", ""),
        Entry(r"FDS - SDF", "commutator(prepared.fock, prepared.matrices.dm, ints.overlap)",
              "commutator, zero when $F$ and $D$ belong to each other", "ao ao", "hartree"),
        Entry("", "scf.fock_builds", "Fock matrices built on the way, the currency of all "
              "comparisons", "", ""),
    ),
    "The network": (
        Entry(r"\theta", "model.n_parameters", "weights, and how many", "", ""),
        Entry(r"D_0", "prepared.matrices.dm", "density that everything starts from", "ao ao",
              "electrons"),
        Entry(r"F_0 = F[D_0]", "prepared.fock", "its Fock matrix, the first build", "ao ao",
              "hartree"),
        Entry(r"\tilde F_0", "prepared.start", "the same after Coulomb screening", "ao ao",
              "hartree"),
        Entry(r"A_k", "prepared.matrices.stacked", "matrices at hand, whose blocks are scaled to "
              "give $\\Delta F$", "matrix ao ao", "hartree, or their own"),
        Entry(r"\Delta F", "model(prepared)", "what the network predicts", "ao ao", "hartree"),
        Entry(r"w_k(a, b)", "model.xc_response(prepared).factors", "what it multiplies a change of "
              "density by, in refining, to know beforehand how $F$ will change",
              "shell shell change", ""),
    ),
    "The prediction": (
        Entry(r"\tilde F_0 + \Delta F", "prediction.raw_fock", "the matrix that is filled to give "
              "$D_1$", "ao ao", "hartree"),
        Entry(r"K", "prediction.refine", "refining iterations after the network, one Fock build "
              "each", "", ""),
        Entry(r"\Delta E_2", "prediction.delta2", "second-order estimate of the energy's error",
              "", "hartree"),
        Entry(r"-\partial E / \partial \mathbf R", "prediction.forces", "forces on the nuclei",
              "atom 3", "hartree/bohr"),
    ),
}  # fmt: skip


@functools.cache
def examples() -> dict[str, object]:
    """What the entries' expressions are about, computed for water."""
    subject, level = molecule(MOLECULE), parse_theory(THEORY)
    model = BlockQPT.create(subject, level).with_response_net()
    prepared = first_build(integrals(subject, level))
    return {
        "molecule": subject,
        "ints": prepared.integrals,
        "scf": scf(subject, level),
        "model": model,
        "prepared": prepared,
        "prediction": predict(model, subject, forces=True, prepared=prepared),
        "commutator": commutator,
    }


def markdown() -> str:
    """All tables of the glossary."""
    known = examples()
    lines = [
        f"The examples are {MOLECULE} with {THEORY}. Axes: "
        "`ao` atomic orbital, `mo` molecular orbital, `point` of the integration grid, `matrix` "
        "of those that the network reads, `shell` of atomic orbitals, `change` of the matrices in "
        "`qptlab.qpt.xc_response.CHANGES`.",
    ]
    for heading, entries in ENTRIES.items():
        lines += ["", f"## {heading}", "", *HEAD]
        for entry in entries:
            symbol = f"${entry.symbol}$" if entry.symbol else ""
            axes = f"({', '.join(entry.axes.split())})" if entry.axes else "number"
            example = _example(eval(entry.code, known))
            cells = symbol, f"`{entry.code}`", entry.meaning, axes, example, entry.unit or "–"
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _example(value: object) -> str:
    """The shape of an array; of a number, a whole one as it is, others to four digits."""
    if shape := np.shape(value):
        return f"({', '.join(map(str, shape))})"
    return f"{value:,}" if isinstance(value, int) else f"{float(value):.4f}".replace("-", "−")

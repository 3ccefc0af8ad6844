"""What is drawn of an orbital or of the density: a field on a box, and the words beside it."""

import itertools
from dataclasses import dataclass

import numpy as np

from qptlab.dft import ao_values, overlap_matrix
from qptlab.dft.results import ScfResult
from qptlab.errors import InputError
from qptlab.lab.views.box import Box
from qptlab.lab.views.orbital_names import energy_text, orbital_name
from qptlab.lab.views.orbital_view import COLOR_NAMES
from qptlab.units import MILLIHARTREE_PER_HARTREE

PREDICTED, PYSCF, DIFFERENCE = "predicted", "PySCF", "difference"
DENSITY = -1
"""Stands for the electron density where otherwise the number of an orbital does."""
NOTHING = 1e-6
"""An orbital's norm is 1; a smaller difference is rounding."""
DEGENERATE = 1e-3
"""Neighbouring reference orbitals closer than this (hartree) count as one degenerate group."""


@dataclass(frozen=True)
class Picture:
    """Attributes:
    field: (point,) on the box; bohr^-3/2, of a density bohr⁻³.
    title, legend, note: as `OrbitalView.show_field`.
    """

    field: np.ndarray
    title: str
    legend: list[str]
    note: str

    def in_words(self, formula: str) -> str:
        """The picture of a molecule of this formula, for those who do not see it."""
        legend = zip(self.legend, COLOR_NAMES, strict=False)
        colours = ", ".join(f"{meaning}: {colour}" for meaning, colour in legend)
        return (
            f"{formula} as balls and sticks with the lobes of {self.title}; {colours}; {self.note}"
        )


@dataclass(frozen=True)
class Comparison:
    """A result and perhaps a reference, ready to be drawn.

    Attributes:
        grid_ao: (point, ao), the atomic orbitals on the box, float32: far finer than a byte.
        overlap: (ao, ao).
        aligned: (ao, mo), the reference's orbitals turned onto the result's; None without one.
    """

    result: ScfResult
    reference: ScfResult | None
    grid_ao: np.ndarray
    overlap: np.ndarray
    aligned: np.ndarray | None

    @classmethod
    def of(
        cls,
        result: ScfResult,
        reference: ScfResult | None = None,
        before: "Comparison | None" = None,
    ) -> "Comparison":
        """A comparison; what depends on the geometry is taken from `before` where that is the same.

        The values of the atomic orbitals are computed once per geometry; an orbital then costs one
        matrix-vector product.

        Raises:
            InputError: an open shell, of which only one spin can be shown, or a reference that
                belongs to another molecule or basis.
        """
        check_one_spin(result)
        if reference is not None:
            check_one_spin(reference, "reference")
            if not _same_basis(result, reference):
                raise InputError(
                    "the reference is for another molecule, geometry or basis: "
                    f"{reference.molecule} in {reference.theory.basis}; it must be "
                    f"{result.molecule} in {result.theory.basis}, at the same positions"
                )
        if before is not None and _same_basis(result, before.result):
            grid_ao, overlap = before.grid_ao, before.overlap
        else:
            points = Box.around(result.molecule.positions).points
            grid_ao = ao_values(result.molecule, result.theory, points).astype(np.float32)
            overlap = overlap_matrix(result.molecule, result.theory)
        aligned = None
        if reference is not None:
            mine, theirs = np.asarray(result.mo_coeff), np.asarray(reference.mo_coeff)
            energy = np.asarray(reference.mo_energy)
            aligned = aligned_orbitals(mine, theirs, energy, overlap, result.n_occ)
        return cls(result, reference, grid_ao, overlap, aligned)

    def picture(self, index: int, mode: str) -> Picture:
        """One orbital, or the density where `index` is `DENSITY`, of one of the three modes."""
        if index == DENSITY:
            return self._density_difference() if mode == DIFFERENCE else self._density(mode)
        return self._orbital_difference(index) if mode == DIFFERENCE else self._orbital(index, mode)

    def _orbital(self, index: int, mode: str) -> Picture:
        source = self.result if mode == PREDICTED else self.reference
        coeff = self.result.mo_coeff if mode == PREDICTED else self.aligned
        energy = energy_text(float(source.mo_energy[index]))
        return Picture(
            field=self._on_box(np.asarray(coeff)[:, index]),
            title=f"{orbital_name(index, self.result.n_occ)} · {self._who(mode)}{energy}",
            legend=["positive", "negative"],
            note="occupied" if index < self.result.n_occ else "empty",
        )

    def _orbital_difference(self, index: int) -> Picture:
        """Predicted minus PySCF, times a power of ten that makes it visible."""
        coeff = np.asarray(self.result.mo_coeff)[:, index] - self.aligned[:, index]
        norm = float(np.sqrt(coeff @ self.overlap @ coeff))  # (∫ |difference|²)^½
        energy = float(self.result.mo_energy[index] - self.reference.mo_energy[index])
        what = f"{orbital_name(index, self.result.n_occ)} · predicted − PySCF"
        note = f"energy {energy * MILLIHARTREE_PER_HARTREE:+.3f} mHa".replace("-", "−")
        norm_note = f"norm {norm:.1e} · {note}".replace("e-", "e−")
        return _magnified(self._on_box(coeff), norm, what, norm_note, note)

    def _density(self, mode: str) -> Picture:
        source = self.result if mode == PREDICTED else self.reference
        title = f"density · {self._who(mode)}{2 * self.result.n_occ} electrons"
        return Picture(self._filled(source.mo_coeff), title, ["electrons per bohr³"], note="")

    def _density_difference(self) -> Picture:
        field = self._filled(self.result.mo_coeff) - self._filled(self.reference.mo_coeff)
        size = float(np.abs(field).max())
        note = f"largest {size:.1e} per bohr³".replace("e-", "e−")
        return _magnified(field, 4 * size, "density · predicted − PySCF", note, note)

    def _on_box(self, coeff: np.ndarray) -> np.ndarray:
        return self.grid_ao @ coeff.astype(np.float32)

    def _filled(self, mo_coeff: np.ndarray) -> np.ndarray:
        """ρ = 2 Σ_i |ψ_i|² over the occupied orbitals, (point,)."""
        occupied = np.asarray(mo_coeff)[:, : self.result.n_occ]
        return 2 * np.sum(self._on_box(occupied) ** 2, axis=1)

    def _who(self, mode: str) -> str:
        return f"{mode} · " if self.reference is not None else ""


def _magnified(field: np.ndarray, size: float, what: str, note: str, nothing: str) -> Picture:
    if size < NOTHING:
        return Picture(np.zeros_like(field), f"{what}: no difference", [], nothing)
    factor = 10 ** max(0, round(-np.log10(size)))
    title = what if factor == 1 else f"{what}, magnified {factor:,}×"
    return Picture(factor * field, title, ["predicted larger", "PySCF larger"], note)


def aligned_orbitals(
    mo_coeff: np.ndarray,
    reference_coeff: np.ndarray,
    reference_energy: np.ndarray,
    overlap: np.ndarray,
    n_occ: int,
) -> np.ndarray:
    """The reference orbitals turned so that they differ from the others only where they must.

    The sign of an orbital means nothing, and neither does the choice of axes inside a group of
    orbitals of the same energy. So every group of (near-)degenerate reference orbitals C_r is
    rotated onto the predicted ones C_p by the orthogonal matrix R = U Vᵀ from the singular values
    U s Vᵀ of C_rᵀ S C_p (orthogonal Procrustes), which minimises |C_r R − C_p|; for a single
    orbital R is the sign of c_pᵀ S c_r. Within `DEGENERATE` of each other two orbitals are
    therefore compared as a pair, not one by one; occupied and empty ones are never mixed.

    Args:
        mo_coeff, reference_coeff: (ao, mo), each orthonormal in `overlap`, lowest energy first.
        reference_energy: (mo,), hartree.
        overlap: (ao, ao).
        n_occ: number of occupied orbitals.

    Returns:
        (ao, mo), the rotated reference orbitals.
    """
    starts = np.flatnonzero(np.diff(reference_energy) > DEGENERATE) + 1
    edges = sorted({0, n_occ, *starts.tolist(), len(reference_energy)})
    aligned = np.array(reference_coeff)
    for group in itertools.starmap(slice, itertools.pairwise(edges)):
        block = aligned[:, group]
        left, _, right = np.linalg.svd(block.T @ overlap @ mo_coeff[:, group])
        aligned[:, group] = block @ (left @ right)
    return aligned


def check_one_spin(result: ScfResult, name: str = "result") -> None:
    """Raise `InputError` for an open shell, unless it is one of its spins."""
    if np.ndim(result.mo_energy) > 1:
        raise InputError(
            f"{result.molecule.formula} is an open shell, whose two spins have orbitals of their "
            f'own; choose one: {name}.of_spin("alpha") or {name}.of_spin("beta")'
        )


def _same_basis(a: ScfResult, b: ScfResult) -> bool:
    return (
        a.molecule.symbols == b.molecule.symbols
        and a.theory.basis == b.theory.basis
        and np.array_equal(a.molecule.positions, b.molecule.positions)
    )

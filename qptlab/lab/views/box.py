"""A box of grid points around a molecule, and fields on it squeezed into bytes."""

from dataclasses import dataclass

import numpy as np

MARGIN = 5.0
"""Room left around the outermost atoms, bohr; lobes drawn at 0.02 and above fit into it."""
FINEST, POINTS = 0.25, 90_000
"""Grid spacing of a small molecule (bohr), and the points above which the grid gets coarser."""
CLIP = 0.25
"""Largest orbital value kept, bohr^-3/2; isosurfaces are drawn well below it."""


@dataclass(frozen=True)
class Box:
    """Equally spaced points along x, y and z.

    Args:
        origin: the corner with the smallest coordinates, bohr.
        spacing: distance between neighbouring points, bohr, the same along all three axes.
        shape: number of points along x, y and z.
    """

    origin: tuple[float, float, float]
    spacing: float
    shape: tuple[int, int, int]

    @classmethod
    def around(
        cls, positions: np.ndarray, margin: float = MARGIN, spacing: float | None = None
    ) -> "Box":
        """The box around atoms at `positions` (atom, 3) with `margin` to spare; all in bohr.

        `spacing`: by default as fine as `FINEST` and `POINTS` allow.
        """
        low, high = positions.min(axis=0) - margin, positions.max(axis=0) + margin
        if spacing is None:
            spacing = max(FINEST, float((np.prod(high - low) / POINTS) ** (1 / 3)))
        steps = np.ceil((high - low) / spacing - 1e-9).astype(int)
        origin = (low + high - steps * spacing) / 2
        return cls(tuple(origin.tolist()), spacing, tuple((steps + 1).tolist()))

    @property
    def points(self) -> np.ndarray:
        """All points, (point, 3), bohr; z runs fastest."""
        corner = zip(self.origin, self.shape, strict=True)
        axes = [start + self.spacing * np.arange(count) for start, count in corner]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def to_bytes(field: np.ndarray) -> bytes:
    """The field (point,) as one signed byte per point, values beyond ±`CLIP` cut off.

    Within the clip the error is at most half a `byte_step()`.
    """
    return np.rint(np.clip(field / CLIP, -1, 1) * 127).astype(np.int8).tobytes()


def byte_step() -> float:
    """The field's change from one byte value to the next, in units of the field."""
    return CLIP / 127

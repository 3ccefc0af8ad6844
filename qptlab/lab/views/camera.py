"""From where a molecule is looked at first."""

import numpy as np
from scipy.spatial.transform import Rotation

FIELD_OF_VIEW, EYE = np.radians(20), 150.0  # 3Dmol's vertical angle, and its eye's z in angstrom


def first_view(positions_angstrom: np.ndarray, room: float = 1.6, tilt: float = 50) -> list[float]:
    """The camera that shows a molecule's broad side, tipped so that both faces of it are seen.

    The longest principal axis of the positions goes to the right and the shortest towards the
    eye, then the molecule is tipped by `tilt` degrees: lobes above and below a plane are both
    in sight.

    Args:
        positions_angstrom: (atom, 3).
        room: space left free around the outermost atoms, angstrom.

    Returns:
        what 3Dmol's `setView` takes: minus the centre (3), a depth, and a quaternion (4).
    """
    centre = positions_angstrom.mean(axis=0)
    around = positions_angstrom - centre
    axes = np.linalg.svd(around, full_matrices=True)[2]
    # Fixed signs, so that a molecule is always seen from the same side.
    axes[:2] *= np.where(axes[:2].sum(axis=1, keepdims=True) < 0, -1, 1)
    axes[2] = np.cross(axes[0], axes[1])
    rotation = Rotation.from_euler("yx", [-tilt / 3, -tilt], degrees=True)
    radius = np.linalg.norm(around, axis=1).max() + room
    depth = EYE - radius / np.sin(FIELD_OF_VIEW / 2)
    quaternion = (rotation * Rotation.from_matrix(axes)).as_quat()
    return [*(-centre).tolist(), float(depth), *quaternion.tolist()]

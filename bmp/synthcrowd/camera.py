"""A pinhole camera. World: metres, z up. Camera: x right, y down, z forward; pixels (x, y)."""

from dataclasses import dataclass

import numpy as np

from bmp.synthcrowd.rotations import rot_z

NEAR = 0.12  # metres; nothing nearer is drawn


@dataclass(frozen=True)
class Camera:
    """Where a world point goes on the screen.

    Attributes:
        rotation, translation: world to camera, (3, 3) and (3,).
        focal: focal length, px.
        center: principal point, (2,), px.
    """

    rotation: np.ndarray
    translation: np.ndarray
    focal: float
    center: np.ndarray

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) in camera coordinates, metres."""
        return points @ self.rotation.T + self.translation

    def project(self, camera_points: np.ndarray) -> np.ndarray:
        """Screen points (N, 2) of camera points (N, 3); those behind the camera mean nothing."""
        depth = np.maximum(camera_points[:, 2:], 1e-3)
        return camera_points[:, :2] / depth * self.focal + self.center


def look_rotation(pitch: float, roll: float) -> np.ndarray:
    """World-to-camera rotation (3, 3) of a camera that looks along +y, tipped down by pitch.

    Args:
        pitch: degrees below the horizon.
        roll: degrees about the viewing direction.
    """
    c, s = np.cos(np.radians(pitch)), np.sin(np.radians(pitch))
    level = np.array([[1, 0, 0], [0, -s, -c], [0, c, -s]], np.float32)
    return rot_z(roll) @ level


def sample_view(rng: np.random.Generator, width: int, height: int) -> tuple[np.ndarray, float]:
    """Rotation (3, 3) and focal length (px) of a camera as people hold it."""
    pitch = rng.normal(6, 8) if rng.random() < 0.85 else rng.uniform(10, 40)
    roll = rng.normal(0, 2) if rng.random() < 0.9 else rng.normal(0, 9)
    field_of_view = np.radians(rng.uniform(28, 75))
    focal = 0.5 * max(width, height) / np.tan(field_of_view / 2)
    return look_rotation(float(np.clip(pitch, -15, 45)), roll), float(focal)

"""Who stands where: people on a common ground, seen by one camera, as crowded as asked."""

from dataclasses import dataclass, replace

import numpy as np

from bmp.synthcrowd.body import BodyModel, load_body_model, pose_body, sample_shape
from bmp.synthcrowd.camera import NEAR, Camera, sample_view
from bmp.synthcrowd.poses import sample_pose
from bmp.synthcrowd.rotations import rot_z
from bmp.synthcrowd.settings import SceneSettings


@dataclass(frozen=True)
class Placed:
    """A posed person in the world: vertices (V, 3) and keypoints (17, 3), metres."""

    vertices: np.ndarray
    keypoints: np.ndarray
    activity: str

    def moved(self, shift: np.ndarray) -> "Placed":
        """The same person elsewhere."""
        return replace(self, vertices=self.vertices + shift, keypoints=self.keypoints + shift)


def sample_person(
    model: BodyModel,
    rng: np.random.Generator,
    activity: str | None = None,
    yaw: float | None = None,
) -> Placed:
    """A body of random shape, pose and heading whose lowest point touches the ground."""
    pose = sample_pose(model, rng, activity)
    vertices, keypoints = pose_body(model, sample_shape(model, rng), pose.rotations)
    if yaw is None:  # faces are photographed more often than backs
        yaw = rng.normal(0, 50) if rng.random() < 0.6 else rng.uniform(-180, 180)
    turn = rot_z(yaw).T
    vertices, keypoints = vertices @ turn, keypoints @ turn
    body = vertices[: model.num_body]
    center = (body.min(0) + body.max(0)) / 2
    shift = np.array([-center[0], -center[1], pose.lift - body[:, 2].min()], np.float32)
    return Placed(vertices + shift, keypoints + shift, pose.activity)


def screen_box(
    model: BodyModel, person: Placed, camera: Camera, size: tuple[int, int]
) -> tuple[np.ndarray, float, float] | None:
    """Box of a person on the screen.

    Returns:
        The box cut to the image (4,) xyxy, its height before the cut, and the share of the uncut
        box that lies in the image; None where the person reaches behind the camera's near plane.
    """
    body = person.vertices[: model.num_body : 3]  # enough for a box within a pixel or two
    points = camera.to_camera(body)
    if points[:, 2].min() < NEAR:
        return None
    screen = camera.project(points)
    low, high = screen.min(0), screen.max(0)
    cut_low = np.clip(low, 0, np.array(size))
    cut_high = np.clip(high, 0, np.array(size))
    share = float(np.prod(cut_high - cut_low) / max(np.prod(high - low), 1e-6))
    return np.concatenate([cut_low, cut_high]), float(high[1] - low[1]), share


def box_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two xyxy boxes (4,)."""
    size = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    overlap = float(np.prod(np.maximum(size, 0)))
    areas = np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])
    return overlap / max(float(areas) - overlap, 1e-9)


def max_pairwise_iou(boxes: list[np.ndarray]) -> float:
    """The largest IoU between two of the xyxy boxes, 0 for fewer than two."""
    pairs = [box_iou(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    return max(pairs, default=0.0)


def sample_crowding(rng: np.random.Generator, settings: SceneSettings) -> float:
    """The crowding of one image: as set, or a third lone, a third between, a third OCHuman-like."""
    if settings.crowding is not None:
        return settings.crowding
    return float(rng.choice([0.0, rng.uniform(0.2, 0.8), 1.0], p=[0.35, 0.3, 0.35]))


def sample_layout(
    model: BodyModel, rng: np.random.Generator, settings: SceneSettings, crowding: float
) -> tuple[list[Placed], Camera]:
    """People and the camera that sees them.

    The first person fixes the scale; each further one either joins somebody (more often the higher
    the crowding) or stands anywhere on the ground. Who cannot be placed as asked is left out.
    """
    first = sample_person(model, rng)
    camera = _camera_on(first, rng, settings)
    found = screen_box(model, first, camera, (settings.width, settings.height))
    if found is None:  # too near: step back
        return sample_layout(model, rng, settings, crowding)
    crowd = _Crowd([first], [found[0]], camera, lone=crowding == 0)
    for number in range(1, _sample_count(rng, settings, crowding)):
        joins = rng.random() < crowding or (crowding == 1 and number == 1)
        person = sample_person(model, rng, _company(crowd.people, rng) if joins else None)
        _place(rng, settings, crowding if joins else None, crowd, person)
    return crowd.people, camera


@dataclass
class _Crowd:
    """Those placed so far, with their boxes (4,) xyxy on the screen."""

    people: list[Placed]
    boxes: list[np.ndarray]
    camera: Camera
    lone: bool  # boxes must hardly touch


def _sample_count(rng: np.random.Generator, settings: SceneSettings, crowding: float) -> int:
    """How many people to try: often few, sometimes all."""
    fewest = max(settings.min_people, 2 if crowding == 1 else 1)
    spare = max(settings.max_people - fewest, 0)
    return fewest + round(spare * rng.beta(1.1, 1.6))


def _company(people: list[Placed], rng: np.random.Generator) -> str | None:
    """People together often do the same."""
    return people[rng.integers(len(people))].activity if rng.random() < 0.45 else None


def _camera_on(person: Placed, rng: np.random.Generator, settings: SceneSettings) -> Camera:
    """A camera that shows the person at a drawn size, near a drawn place of the frame."""
    width, height = settings.width, settings.height
    rotation, focal = sample_view(rng, width, height)
    kind = rng.choice(3, p=[0.33, 0.45, 0.22])  # close-up, full figure, small
    low, high = ((0.95, 2.3), (0.4, 0.95), (settings.min_person_height * 1.1 / height, 0.4))[kind]
    standing = height * np.exp(rng.uniform(np.log(low), np.log(max(high, low * 1.01))))
    depth = focal * 1.65 / standing
    body_center = (person.vertices.min(0) + person.vertices.max(0)) / 2
    joint = person.keypoints[rng.choice([0, 5, 6, 11, 12])] if kind == 0 else body_center
    anchor = rotation @ (joint if rng.random() < 0.93 else person.keypoints[rng.integers(17)])
    reach = (0.30, 0.24) if kind < 2 else (0.4, 0.3)
    target = np.array([width, height]) * rng.uniform(-1, 1, 2) * reach
    if kind == 0:
        target[1] -= height * 0.08
    goal = np.array([target[0] * depth / focal, target[1] * depth / focal, depth])
    center = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    return Camera(rotation, (goal - anchor).astype(np.float32), focal, center)


def _place(
    rng: np.random.Generator,
    settings: SceneSettings,
    closeness: float | None,
    crowd: _Crowd,
    person: Placed,
) -> None:
    """Try places for a person and add it to the crowd at the first that suits.

    Args:
        rng: source of randomness.
        settings: of the scene.
        closeness: how near to somebody, in [0, 1]; None: anywhere.
        crowd: those placed so far; changed.
        person: whom to place, at the origin.
    """
    model, size = load_body_model(), (settings.width, settings.height)
    for trial in range(14):
        if closeness is None:
            shift = _anywhere(rng, settings, crowd.camera)
        else:
            partner = crowd.people[rng.integers(len(crowd.people))]
            shift = _beside(partner, rng, closeness, 1 - trial / 16)
        moved = person.moved(shift)
        found = screen_box(model, moved, crowd.camera, size)
        if found is None:
            continue
        box, uncut_height, share = found
        tall = settings.min_person_height <= uncut_height <= 2.6 * settings.height
        if not tall or share < 0.12 or np.prod(box[2:] - box[:2]) < 200:
            continue
        iou = max(box_iou(box, other) for other in crowd.boxes)
        limit = 0.05 if crowd.lone else 0.93
        wanted = 0.6 if closeness == 1 and len(crowd.people) == 1 else 0.0
        if wanted <= iou <= limit:
            crowd.people.append(moved)
            crowd.boxes.append(box)
            return


def _beside(
    partner: Placed, rng: np.random.Generator, crowding: float, spread: float
) -> np.ndarray:
    """A shift (3,) to a place next to, before or behind somebody."""
    center = (partner.vertices[:, :2].min(0) + partner.vertices[:, :2].max(0)) / 2
    across = rng.normal(0, 0.2 + 0.45 * (1 - crowding)) * spread
    gap = rng.choice([-1, 1]) * rng.uniform(0.18, 0.75 + 0.8 * (1 - crowding))
    return np.array([center[0] + across, center[1] + gap, 0], np.float32)


def _anywhere(rng: np.random.Generator, settings: SceneSettings, camera: Camera) -> np.ndarray:
    """A shift (3,) to a place on the ground within the view, near ones and far ones."""
    depth_here = float(camera.translation[2])
    depth = max(depth_here * np.exp(rng.normal(0.15, 0.45)), 0.5)
    column = rng.uniform(0, settings.width)
    forward, right = camera.rotation[2], camera.rotation[0]
    # the ground point whose depth and column are as drawn: two linear equations in (x, y)
    slope = (column - camera.center[0]) / camera.focal
    rows = np.array([forward[:2], right[:2] - slope * forward[:2]], np.float64)
    offset = camera.translation
    values = np.array([depth - offset[2], -(offset[0] - slope * offset[2])], np.float64)
    x, y = np.linalg.solve(rows, values)
    return np.array([x, y, 0], np.float32)

"""Render one scene: who stands where, what is seen of them, its annotations, its colours."""

import numpy as np

from bmp.synthcrowd.annotate import annotate_person, joint_visibility
from bmp.synthcrowd.backdrop import load_photos
from bmp.synthcrowd.body import load_body_model
from bmp.synthcrowd.clothing import sample_outfit
from bmp.synthcrowd.drawing import Drawn, Scene, draw, occlude
from bmp.synthcrowd.layout import max_pairwise_iou, sample_crowding, sample_layout
from bmp.synthcrowd.paint import paint
from bmp.synthcrowd.settings import SceneSettings

ATTEMPTS = 40  # layouts tried until one is as crowded as asked


def render_scene(
    seed: int | tuple[int, ...], settings: SceneSettings | None = None
) -> tuple[np.ndarray, list[dict]]:
    """Render a crowd with exact annotations.

    Args:
        seed: a number, or several (as `write_dataset` does: data-set seed, image); the same seed
            and settings give the same result.
        settings: what the scene may look like; the defaults of `SceneSettings` if None.

    Returns:
        The image (H, W, 3) uint8 BGR, and one COCO annotation a visible person (see
        `annotate_person`), without `id` and `image_id`; pixel centres lie on whole numbers. A
        person with fewer than 16 visible pixels is not annotated.

    Raises:
        RuntimeError: no layout with the asked crowding was found (crowding 1 in a tiny image).
    """
    settings = settings or SceneSettings()
    rng = np.random.default_rng(seed)
    crowding = sample_crowding(rng, settings)
    for _ in range(ATTEMPTS):
        scene = sample_scene(rng, settings, crowding)
        drawn = occlude(rng, scene, draw(scene))
        annotations = annotate(scene, drawn)
        if _is_as_crowded_as_asked(annotations, crowding):
            return paint(rng, scene, drawn), annotations
    raise RuntimeError(
        f"no scene of crowding {crowding} in {ATTEMPTS} tries; use a larger image or max_people"
    )


def sample_scene(rng: np.random.Generator, settings: SceneSettings, crowding: float) -> Scene:
    """Dressed people and the camera that sees them."""
    people, camera = sample_layout(load_body_model(), rng, settings, crowding)
    outfits = [sample_outfit(rng, load_photos()) for _ in people]
    return Scene(people, outfits, camera, settings)


def annotate(scene: Scene, drawn: Drawn) -> list[dict]:
    """COCO annotations of everybody who can be seen."""
    with np.errstate(divide="ignore"):
        depths = 1 / drawn.inverse_depths
    annotations = []
    for number, person in enumerate(scene.people):
        joints = scene.camera.to_camera(person.keypoints)
        screen = scene.camera.project(joints)
        visibility = joint_visibility(screen, joints[:, 2], number, drawn.owners, depths)
        annotation = annotate_person(drawn.owners == number, screen, visibility)
        if annotation is not None:
            annotations.append(annotation)
    return annotations


def annotation_max_iou(annotations: list[dict]) -> float:
    """Largest IoU between two annotated boxes of an image: OCHuman's measure of crowding."""
    boxes = [np.array(a["bbox"]) for a in annotations]
    return max_pairwise_iou([np.concatenate([b[:2], b[:2] + b[2:]]) for b in boxes])


def _is_as_crowded_as_asked(annotations: list[dict], crowding: float) -> bool:
    if crowding == 1:
        return annotation_max_iou(annotations) > 0.5
    return len(annotations) > 0 and (crowding > 0 or annotation_max_iou(annotations) <= 0.1)

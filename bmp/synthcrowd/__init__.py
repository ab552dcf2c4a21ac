"""SynthCrowd: seeded scenes of rendered people with exact boxes, masks, joints and visibility."""

from bmp.synthcrowd.coco import write_dataset
from bmp.synthcrowd.contact_sheet import contact_sheet
from bmp.synthcrowd.scene import annotation_max_iou, render_scene
from bmp.synthcrowd.settings import SceneSettings

__all__ = ["SceneSettings", "annotation_max_iou", "contact_sheet", "render_scene", "write_dataset"]

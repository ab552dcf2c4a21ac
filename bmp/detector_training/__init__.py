"""What we add to mmdet's registries. On mmcv-lite, ``mmpose`` makes mmdet importable first.

Detector configs name it, ``custom_imports=dict(imports=["bmp.detector_training"])``, and scripts
import it. From then on torch reads training checkpoints, and so does
``mmdet.apis.init_detector``.
"""

import warnings

from mmpose.mmcv_ops.finder import leave_out_text_models, require_mmcv

require_mmcv()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ImportWarning)  # mmdet asks mmcv for a name at its old place
    leave_out_text_models()
    import mmdet.datasets
    import mmdet.models  # noqa: F401
from mmdet.registry import MODELS  # noqa: E402

from bmp.detector_training.coco_dataset import CocoHumanDataset, TolerantCocoDataset  # noqa: E402
from bmp.detector_training.copy_paste import CopyPastePeople  # noqa: E402
from bmp.detector_training.detection_metric import DetectionMetric  # noqa: E402
from bmp.detector_training.hole_metric import HoleMetric  # noqa: E402
from bmp.detector_training.ins_head import ExactRTMDetInsHead  # noqa: E402
from bmp.detector_training.known_holes import RemoveKnownInstances  # noqa: E402
from bmp.detector_training.pipeline_switch import IterPipelineSwitchHook  # noqa: E402
from bmp.detector_training.remove_people import RemoveRandomInstances, paint_hole  # noqa: E402
from mmpose.engine.checkpoint import allow_training_pickles  # noqa: E402
from mmpose.models.backbones.timm_backbone import TimmBackbone  # noqa: E402

# torch reads weights alone by default since 2.6; training checkpoints hold more
allow_training_pickles()
if "TimmBackbone" not in MODELS.module_dict:
    MODELS.register_module(module=TimmBackbone)

__all__ = [
    "CocoHumanDataset",
    "CopyPastePeople",
    "DetectionMetric",
    "ExactRTMDetInsHead",
    "HoleMetric",
    "IterPipelineSwitchHook",
    "RemoveKnownInstances",
    "RemoveRandomInstances",
    "TimmBackbone",
    "TolerantCocoDataset",
    "paint_hole",
]

"""Data sets of people in COCO's format that differ in nothing but their skeleton and name."""

from typing import ClassVar

from mmpose.registry import DATASETS

from .coco_style import BaseCocoStyleDataset


@DATASETS.register_module()
class CocoDataset(BaseCocoStyleDataset):
    """COCO keypoints: 17 joints."""

    METAINFO: ClassVar[dict] = {"from_file": "coco.py"}


@DATASETS.register_module()
class CocoCropDataset(BaseCocoStyleDataset):
    """CropCOCO: 17 joints in images cut from COCO val2017.

    Joints outside the image are annotated with v of 3: `keypoints_visible` is 1 for them and
    `keypoints_visibility` 0.
    """

    METAINFO: ClassVar[dict] = {"from_file": "coco_crop.py"}


@DATASETS.register_module()
class OCHumanDataset(BaseCocoStyleDataset):
    """OCHuman in COCO's format: 17 joints, masks as compressed RLE."""

    METAINFO: ClassVar[dict] = {"from_file": "ochuman.py"}


@DATASETS.register_module()
class OCHumanDetDataset(BaseCocoStyleDataset):
    """OCHuman posed from detections: `OCHumanDataset` under a name of its own.

    The name keeps both apart in one `MultiDatasetEvaluator`; the boxes come by ``bbox_file``.
    """

    METAINFO: ClassVar[dict] = {"from_file": "ochuman.py", "dataset_name": "ochuman_det"}


@DATASETS.register_module()
class CrowdPoseDataset(BaseCocoStyleDataset):
    """CrowdPose: 14 joints, no masks, no areas; images carry their ``crowdIndex``."""

    METAINFO: ClassVar[dict] = {"from_file": "crowdpose.py"}


@DATASETS.register_module()
class ExlposeDataset(BaseCocoStyleDataset):
    """ExLPose: CrowdPose's 14 joints."""

    METAINFO: ClassVar[dict] = {"from_file": "exlpose.py"}


@DATASETS.register_module()
class AicDataset(BaseCocoStyleDataset):
    """AI Challenger in COCO's format: 14 joints, no areas; masks where a segmenter added them."""

    METAINFO: ClassVar[dict] = {"from_file": "aic.py"}

"""The public names of `mmpose.structures`, whose first use imports this."""

from .bbox import (
    bbox_cs2xywh,
    bbox_cs2xyxy,
    bbox_overlaps,
    bbox_xywh2cs,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    fix_aspect_ratio,
    flip_bbox,
    get_udp_warp_matrix,
    get_warp_matrix,
)
from .crop import crop_windows, cut_crops, get_plain_warp_matrix
from .keypoint import (
    crop_to_image_keypoints,
    flip_keypoints,
    keypoint_clip_border,
    keypoint_sigmas,
    mirror_keypoints,
)
from .mask import mask_to_rle, segmentation_to_mask
from .pose_data_sample import PoseDataSample, merge_data_samples, split_instances
from .window_padding import find_min_padding_exact, fix_bbox_aspect_ratio

__all__ = [
    "PoseDataSample",
    "bbox_cs2xywh",
    "bbox_cs2xyxy",
    "bbox_overlaps",
    "bbox_xywh2cs",
    "bbox_xywh2xyxy",
    "bbox_xyxy2cs",
    "bbox_xyxy2xywh",
    "crop_to_image_keypoints",
    "crop_windows",
    "cut_crops",
    "find_min_padding_exact",
    "fix_aspect_ratio",
    "fix_bbox_aspect_ratio",
    "flip_bbox",
    "flip_keypoints",
    "get_plain_warp_matrix",
    "get_udp_warp_matrix",
    "get_warp_matrix",
    "keypoint_clip_border",
    "keypoint_sigmas",
    "mask_to_rle",
    "merge_data_samples",
    "mirror_keypoints",
    "segmentation_to_mask",
    "split_instances",
]

"""Whose weights a file seems to hold, by the names in it, for messages."""

from collections.abc import Iterable
from pathlib import Path

# the first of which some name begins with each of the words; telling ones before general ones
_KINDS = (
    (("vision_encoder.backbone.", "mask_decoder."), "SAM 2 of Hugging Face transformers"),
    (("detector_model.",), "SAM 3 of Hugging Face transformers"),
    (("image_encoder.trunk.",), "SAM 2"),
    (("sam.image_encoder.trunk.",), "SAM-pose2seg in training"),
    (("image_encoder.patch_embed.", "prompt_encoder."), "the first SAM (segment-anything)"),
    (("backbone.encoder.layer.",), "ViTPose of Hugging Face transformers"),
    (("backbone.blocks.",), "ViTPose's official code"),
    (("backbone.layers.", "head."), "ViTPose, MaskPose or PMPose of MMPose's kind"),
    (("backbone.stem.", "bbox_head."), "a detector of MMDetection (RTMDet's kind)"),
    (("backbone.", "rpn_head.", "roi_head."), "a two-stage detector of MMDetection"),
    (("backbone.body.", "roi_heads."), "an R-CNN of torchvision"),
    (("backbone.bottom_up.",), "a model of Detectron2"),
    (("transformer.", "class_embed."), "a detector of DETR's kind"),
    (("model.model.0.",), "a YOLO of ultralytics"),
    (("model.0.",), "a YOLO of ultralytics"),
    (("vit.embeddings.",), "a ViT of Hugging Face transformers"),
    (("blocks.0.attn.", "patch_embed."), "a bare ViT backbone (timm, MAE)"),
    (("layer1.0.", "fc."), "a ResNet classifier of torchvision"),
    (("backbone.", "keypoint_head."), "a pose model of MMPose before 1.0"),
)

# how files begin that are no weights; people name them all the same
_STARTS = (
    (b"version https://git-lfs", "a pointer of Git LFS: git lfs pull gets the file"),
    (b"<", "a web page in the place of a download: get the file again"),
    (b"{", "JSON text"),
    (b"[", "JSON text"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x89PNG", "an image"),
    (b"\x89HDF", "HDF5, as Keras writes it"),
)


def kind_of(names: Iterable[str]) -> str:
    """What the names of a file's weights belong to, in words for a message."""
    names = list(names)
    for starts, kind in _KINDS:
        if all(any(name.startswith(start) for name in names) for start in starts):
            return kind
    first = ", ".join(sorted(names)[:3])
    return f"no kind that is known here (its names begin with {first})" if names else "nothing"


def kind_of_bytes(path: Path) -> str | None:
    """What a file that is no weights seems to be, by its first bytes, in words for a message."""
    if path.suffix == ".onnx":
        return "an ONNX model, which onnxruntime runs"
    with path.open("rb") as file:
        start = file.read(64).lstrip()
    return next((kind for bytes_, kind in _STARTS if start.startswith(bytes_)), None)

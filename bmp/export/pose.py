"""Pose models as ONNX: crops in; maps, joints in crop pixels and their scores out."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from bmp.export.writing import Plan, smooth_noise

CHANNELS = ("rgb", "bgr")
WINDOWS = ("centres", "edges")
# of the file -> of the head's answer
FIELDS = {"presence": "keypoints_probs", "visibility": "keypoints_visible"}


class PoseNetwork(nn.Module):
    """A pose model from normalised crops to joints, without flip test.

    Args:
        model: a ``TopdownPoseEstimator`` with a decoder.
        channels: order of the input's channels. ``bgr`` is for callers that normalise BGR crops
            with RGB's mean and std, channel by channel, as rtmlib does: they are undone, the
            channels swapped, and the right ones done.
        window: what of a crop lies on the borders of the window that it shows: ``centres`` of
            its outer pixels, as this project cuts, or their ``edges``, as ``cv2.warpAffine`` users
            with w / 2 as middle do, rtmlib too. Such crops are resampled, by half a pixel at most.

    Raises:
        ValueError: an unknown order or window.
    """

    def __init__(self, model: nn.Module, channels: str = "rgb", window: str = "centres") -> None:
        super().__init__()
        if window not in WINDOWS:
            raise ValueError(f"window must be one of {WINDOWS}, got {window!r}")
        if channels not in CHANNELS:
            raise ValueError(f"channels must be one of {CHANNELS}, got {channels!r}")
        self.model = model
        self.swaps, self.resamples = channels == "bgr", window == "edges"
        norm = model.data_preprocessor
        self.register_buffer("mean", norm.mean.clone(), persistent=False)
        self.register_buffer("std", norm.std.clone(), persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Crops (N, 3, h, w) float32, normalised, as maps, joints and numbers; see `outputs_of`."""
        if self.swaps:
            levels = (crops * self.std + self.mean).flip(1)
            crops = (levels - self.mean) / self.std
        if self.resamples:
            height, width = crops.shape[2:]
            # pixel u of w is to show what lies at u w / (w - 1), the last one the border itself
            crops = F.pad(crops, (0, 1, 0, 1), mode="replicate")
            crops = F.interpolate(crops, (height, width), mode="bilinear", align_corners=True)
        answers = self.model.head.decode(self.model.head(self.model.extract_feat(crops)))
        return tuple(answers[FIELDS.get(name, name)] for name in outputs_of(self.model))


def outputs_of(model: nn.Module) -> list[str]:
    """Names of the outputs, the maps first, where rtmlib and others look for them.

    heatmaps (N, K, h, w); keypoints (N, K, 2) crop pixels; keypoint_scores (N, K); for ProbPose and
    PMPose also presence and visibility, (N, K).
    """
    names = ["heatmaps", "keypoints", "keypoint_scores"]
    if type(model.head).__name__ == "MultiHead":
        names += list(FIELDS)
    return names


def plan_pose(model: nn.Module, channels: str = "rgb", window: str = "centres") -> Plan:
    """A pose model as an ONNX file, for any number of crops.

    Args:
        model: from :func:`mmpose.apis.init_model`; it stays on the CPU.
        channels: see :class:`PoseNetwork`.
        window: likewise.

    Raises:
        ValueError: the model has no decoder, or an unknown order of channels or window.
    """
    if getattr(model.head, "decoder", None) is None:
        raise ValueError("the config's head has no decoder; joints are part of the file")
    width, height = model.head.decoder.input_size
    meta: dict[str, Any] = dict(model.dataset_meta or {})
    joints = meta.get("keypoint_id2name", {})
    return Plan(
        PoseNetwork(model.cpu().eval(), channels, window),
        lambda count: {"crops": smooth_noise(count, 3, height, width)},
        outputs_of(model),
        {"crops": [0]},
        {
            "kind": "pose",
            "input": f"crops (N, 3, {height}, {width}) float32, (level - mean) / std",
            "channels": channels,
            "window": f"the {window} of outer pixels lie on the borders of what the crop shows",
            "mean": model.data_preprocessor.mean.flatten().tolist(),
            "std": model.data_preprocessor.std.flatten().tolist(),
            "joints": [joints[n] for n in sorted(joints)],
            "keypoints": "x / w and y / h are shares of the window that was cut out",
        },
    )

"""Top-down pose estimation: one crop, one person."""

from collections.abc import Sequence

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from mmpose.models.heads import PerDatasetHead
from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample, crop_to_image_keypoints

from .fit import check_fit
from .parts import build_part

TRAIN_CFG_KEYS = {"compute_acc"}
TEST_CFG_KEYS = {
    "flip_test",
    "flip_mode",
    "shift_heatmap",
    "output_heatmaps",
    "output_keypoint_indices",
}


@MODELS.register_module()
class TopdownPoseEstimator(BaseModel):
    """Backbone, optional neck and head; each a config or a ready module.

    Args:
        backbone: crops (B, 3, H, W) to a tuple of feature maps; also of mmpretrain or mmdet, see
            `build_part`.
        neck: feature maps to feature maps.
        head: feature maps to joints; has ``forward``, ``loss``, ``average_flipped``, ``decode``.
        data_preprocessor: uint8 crops to the network's input.
        train_cfg: compute_acc (log accuracies of training batches; by default True).
        test_cfg: flip_test (mirror each crop too), flip_mode ('heatmap', or 'udp_combined' for
            the combined maps of `UDPHeatmap`; by default what the head has), shift_heatmap,
            output_heatmaps (keep the maps), output_keypoint_indices (joints to return).
        freeze_backbone: backbone and neck run in evaluation mode without gradients.
        init_cfg: mmengine's.
        metainfo: must be None: the skeleton is that of the data set.

    ``train_cfg`` and ``test_cfg`` may be changed later, ``model.test_cfg.flip_test = False``.

    Raises:
        ValueError: the parts do not fit each other, train_cfg or test_cfg has an unknown key,
            flip_mode is not that of the head, or there is a metainfo.
        ImportError: a part is of a package that is not installed.
    """

    _version = 2

    def __init__(
        self,
        backbone: dict | nn.Module,
        neck: dict | nn.Module | None = None,
        head: dict | nn.Module | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        freeze_backbone: bool = False,
        init_cfg: dict | list[dict] | None = None,
        metainfo: dict | None = None,
    ) -> None:
        super().__init__(
            build_part(data_preprocessor or {"type": "PoseDataPreprocessor"}), init_cfg
        )
        self.backbone = build_part(backbone)
        self.neck = build_part(neck)
        self.head = build_part(head)
        check_fit(self.backbone, self.neck, self.head)
        if metainfo is not None:
            raise ValueError(
                "metainfo of a model is not read: the skeleton comes from the data set; move it "
                "there, train_dataloader.dataset.metainfo (likewise val and test)"
            )
        self.train_cfg, self.test_cfg = ConfigDict(train_cfg or {}), ConfigDict(test_cfg or {})
        _check_keys("train_cfg", self.train_cfg, TRAIN_CFG_KEYS)
        _check_keys("test_cfg", self.test_cfg, TEST_CFG_KEYS)
        _check_flip_mode(self.test_cfg, self.head)
        self.freeze_backbone = freeze_backbone
        self.inference_dtype = torch.float32
        # A plain list: a ModuleList would give the weights second names in checkpoints.
        self._frozen = [p for p in (self.backbone, self.neck) if freeze_backbone and p is not None]
        for part in self._frozen:
            part.requires_grad_(False)
        self.register_load_state_dict_pre_hook(_rename_old_weights)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        settings = {"train_cfg": dict(self.train_cfg), "test_cfg": dict(self.test_cfg)}
        told = [f"{name}={value}" for name, value in settings.items()]
        return f"{', '.join(told)}, {settings_repr(self, 'freeze_backbone', 'inference_dtype')}"

    def train(self, mode: bool = True) -> "TopdownPoseEstimator":
        """Set the training mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        # Without gradients alone, as published, drop path and batch norm would still change what
        # "frozen" parts answer from batch to batch.
        for part in self._frozen:
            part.eval()
        return self

    def _dump_init_info(self, logger_name: str | None = None) -> None:
        """Write nothing: mmengine would log a paragraph for each of hundreds of parameters."""

    def parts_to_compile(self) -> list[nn.Module]:
        """What `torch.compile` is worth: networks without data samples."""
        heads = self.head.heads if isinstance(self.head, PerDatasetHead) else [self.head]
        return [part for part in (self.backbone, self.neck, *heads) if part is not None]

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of normalised crops (B, 3, H, W)."""
        features = self.backbone(inputs)
        if isinstance(features, Tensor):  # of which the last image would be taken for the last map
            features = (features,)
        return features if self.neck is None else self.neck(features)

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[PoseDataSample] | None = None,
        mode: str = "tensor",
    ) -> dict | Sequence[PoseDataSample] | Tensor | tuple:
        """mmengine's door.

        Args:
            inputs: normalised crops (B, 3, H, W).
            data_samples: B samples; needed for ``loss`` and ``predict``.
            mode: ``tensor`` gives the head's raw outputs, ``loss`` a dict of losses, ``predict``
                the samples with ``pred_instances``.
        """
        if isinstance(inputs, list):
            inputs = torch.stack(inputs)
        if mode == "tensor":
            features = self.extract_feat(inputs)
            return features if self.head is None else self.head(features)
        if mode not in ("loss", "predict"):
            raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")
        if data_samples is None:
            raise ValueError(f"mode {mode!r} needs data_samples")
        return (
            self.loss(inputs, data_samples)
            if mode == "loss"
            else self.predict(inputs, data_samples)
        )

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Losses and accuracies of a batch, from the head, and :func:`mask_shares` for the log."""
        # heads of users need not know the option
        options = {} if self.train_cfg.get("compute_acc", True) else {"compute_acc": False}
        losses = self.head.loss(self.extract_feat(inputs), data_samples, **options)
        return losses | mask_shares(data_samples, like=inputs)

    def inference_precision(self, device: torch.device) -> torch.autocast:
        """The context in which the network answers: that of ``inference_dtype``, at first float32.

        Matrix products run in that type; sparsemax, the branches of one number and decoding stay
        in float32.
        """
        is_lower = self.inference_dtype != torch.float32
        return torch.autocast(device.type, self.inference_dtype, enabled=is_lower)

    @torch.no_grad()
    def estimate_crops(
        self,
        inputs: Tensor,
        flip_indices: Sequence[int] | None = None,
        head: nn.Module | None = None,
    ) -> dict[str, Tensor]:
        """Joints of normalised crops, in their pixels.

        Args:
            inputs: (B, 3, H, W).
            flip_indices: (K,) to average with the mirrored crops; None predicts once.
            head: which head answers, where the model has one for each data set; None takes the
                model's.

        Returns:
            What the head decodes: keypoints (B, K, 2) in crop pixels, scores (B, K), heatmaps.
        """
        if flip_indices is not None:
            # one batch: half as many launches on a GPU as a second pass
            inputs = torch.cat([inputs, inputs.flip(-1)])
        head = self.head if head is None else head
        with self.inference_precision(inputs.device):
            outputs = head(self.extract_feat(inputs))
        # decoding takes logarithms around peaks, for which 16 bits are too coarse; the outputs of
        # MultiHead are in 32 bits already
        outputs = outputs.float() if isinstance(outputs, Tensor) else outputs
        # maps are averaged, not joints: of two that disagree both peaks stay, and one is decoded
        if flip_indices is not None:
            shift = self.test_cfg.get("shift_heatmap", False)
            outputs = head.average_flipped(outputs, flip_indices, shift_heatmap=shift)
        return head.decode(outputs)

    def predict(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> Sequence[PoseDataSample]:
        """The samples, each with its pose in image pixels as ``pred_instances``."""
        if len(data_samples) == 0:
            return data_samples
        if not isinstance(self.head, PerDatasetHead):
            return self._predict_with(self.head, inputs, data_samples)
        # head by head: data sets differ in their joints and in which of these a mirror exchanges
        for head, rows in self.head.split(data_samples):
            self._predict_with(head, inputs[rows], [data_samples[row] for row in rows])
        return data_samples

    def _predict_with(
        self, head: nn.Module, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> Sequence[PoseDataSample]:
        """The samples, of one data set, with their poses."""
        flip_indices = None
        if self.test_cfg.get("flip_test", False):
            flip_indices = data_samples[0].metainfo["flip_indices"]
        pred = self.estimate_crops(inputs, flip_indices, head)
        windows = {
            key: torch.stack(
                [
                    torch.as_tensor(s.metainfo[key], dtype=torch.float32).view(2)
                    for s in data_samples
                ]
            ).to(inputs.device)
            for key in ("input_center", "input_scale")
        }
        pred["keypoints"] = crop_to_image_keypoints(
            pred["keypoints"],
            windows["input_center"],
            windows["input_scale"],
            data_samples[0].metainfo["input_size"],
        )
        return self._add_predictions(pred, data_samples)

    def _add_predictions(
        self, pred: dict[str, Tensor], data_samples: Sequence[PoseDataSample]
    ) -> Sequence[PoseDataSample]:
        heatmaps = pred.pop("heatmaps")
        if self.test_cfg.get("output_heatmaps", False):
            heatmaps = heatmaps.float().cpu()
        indices = self.test_cfg.get("output_keypoint_indices")
        if indices is not None:
            pred = {name: value[:, list(indices)] for name, value in pred.items()}
        # one copy from the device for the batch; a copy per person would wait for it each time
        arrays = {name: value.float().cpu().numpy() for name, value in pred.items()}
        for i, sample in enumerate(data_samples):
            instances = InstanceData(**{name: array[i : i + 1] for name, array in arrays.items()})
            # boxes too: results are read, drawn and merged without the annotations beside them
            for name in ("bboxes", "bbox_scores"):
                if name in sample.gt_instances:
                    instances[name] = sample.gt_instances[name]
            sample.pred_instances = instances
            if self.test_cfg.get("output_heatmaps", False):
                sample.pred_fields = PixelData(heatmaps=heatmaps[i])
        return data_samples


def mask_shares(data_samples: Sequence[PoseDataSample], *, like: Tensor) -> dict[str, Tensor]:
    """Shares of a batch whose mask was missing, and was damaged or empty.

    Args:
        data_samples: ``mask_state`` of their metainfo is set by `MaskBackground`.
        like: dtype and device of the answer.

    Returns:
        ``masks_missing`` and ``masks_degenerate``; nothing where masks are not in use.
    """
    states = [sample.metainfo.get("mask_state") for sample in data_samples]
    if not any(states):
        return {}
    return {
        f"masks_{state}": like.new_full((), states.count(state) / len(states))
        for state in ("missing", "degenerate")
    }


def _check_keys(name: str, settings: dict, known: set[str]) -> None:
    unknown = set(settings) - known
    if unknown:
        raise ValueError(f"unknown keys of {name}: {sorted(unknown)}; known are {sorted(known)}")


def _check_flip_mode(test_cfg: dict, head: nn.Module | None) -> None:
    # a mode of the other kind would exchange offsets with discs, without any error
    fitting = "udp_combined" if getattr(head, "maps_per_keypoint", 1) > 1 else "heatmap"
    if test_cfg.get("flip_mode", fitting) != fitting:
        raise ValueError(
            f"flip_mode must be {fitting!r} for the maps of this head, got "
            f"{test_cfg['flip_mode']!r}"
        )


def _rename_old_weights(module: nn.Module, state_dict: dict, prefix: str, *_: object) -> None:
    """Weights of MMPose before 1.0: the head's old name, and mean and std that are no weights."""
    for name in ("mean", "std"):
        state_dict.pop(f"{prefix}data_preprocessor.{name}", None)
    old = f"{prefix}keypoint_head."
    for key in [key for key in state_dict if key.startswith(old)]:
        state_dict[f"{prefix}head.{key.removeprefix(old)}"] = state_dict.pop(key)

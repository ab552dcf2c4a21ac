"""SAM 2 learning to be prompted with joints.

SAM-pose2seg (Purkrabek & Matas, CVWW 2026, arXiv 2601.08982): clicks on joints, then rounds of
simulated corrections; every step is supervised.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn import functional as F

from bmp.registry import MODELS
from bmp.sam_training.clicks import correction_click, first_clicks
from bmp.sam_training.losses import mask_iou, step_losses
from bmp.segmenters.build import build_sam2
from bmp.segmenters.decode import UNUSED, decode_grouped, decode_points, upsample_masks
from bmp.segmenters.embeddings import Embeddings, embed_batch
from mmpose.structures.mask import mask_to_rle

LOSS_WEIGHTS = {"mask": 20.0, "dice": 1.0, "iou": 1.0, "object": 1.0}
NEVER_USED = ("maskmem_tpos_enc", "no_mem_pos_enc")  # of the video memory
TRAINABLE = {
    "all": ("",),
    "prompt_and_decoder": ("sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed"),
}


@MODELS.register_module()
class PoseSAM(BaseModel):
    """A SAM 2 that is trained and evaluated with joints as clicks.

    Its state dict has SAM 2's own names, without a prefix, so that its checkpoints load in the
    loop's segmenter and in PyPI's ``sam2``, and theirs load here.

    Args:
        sam: numbers of :func:`bmp.segmenters.build.build_sam2`.
        first_counts: the number of first clicks is drawn from these, once a step.
        num_corrections: rounds of correction after them.
        keypoint_prob: how often a correction is a missed joint, where there is one.
        from_truth_prob: how often a correction ignores the prediction (one draw a round).
        keypoint_jitter: spread of first clicks about their joint, as part of the root of the
            person's area.
        loss_weights: of ``mask``, ``dice``, ``iou``, ``object``.
        neck_gain: start weights of the neck are multiplied by it. Features of a trunk trained
            elsewhere can be several times as strong as SAM's position code, which then drowns.
        trainable: ``all``, or ``prompt_and_decoder`` as published, with the trunk in eval mode.
        eval_counts: numbers of clicks that :meth:`forward` in mode ``predict`` answers for.
        data_preprocessor: stacks and normalises images.
        init_cfg: the engine's.
    """

    def __init__(
        self,
        sam: Mapping[str, Any],
        *,
        first_counts: Sequence[int] = (1,),
        num_corrections: int = 7,
        keypoint_prob: float = 1.0,
        from_truth_prob: float = 0.1,
        keypoint_jitter: float = 0.0,
        loss_weights: Mapping[str, float] = LOSS_WEIGHTS,
        neck_gain: float = 1.0,
        trainable: str = "all",
        eval_counts: Sequence[int] = (1, 3),
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if trainable not in TRAINABLE:
            raise ValueError(f"trainable must be one of {', '.join(TRAINABLE)}, got {trainable!r}")
        if set(loss_weights) != set(LOSS_WEIGHTS):
            raise ValueError(f"loss_weights must have {set(LOSS_WEIGHTS)}, got {set(loss_weights)}")
        self.first_counts = tuple(first_counts)
        self.num_corrections = num_corrections
        self.keypoint_prob = keypoint_prob
        self.from_truth_prob = from_truth_prob
        self.keypoint_jitter = keypoint_jitter
        self.loss_weights = dict(loss_weights)
        self.neck_gain = neck_gain
        self.trainable = trainable
        self.eval_counts = tuple(eval_counts)
        self.sam = build_sam2(**sam)
        for name, parameter in self.sam.named_parameters():
            if name in NEVER_USED or not name.startswith(TRAINABLE[trainable]):
                parameter.requires_grad_(False)
        self.register_state_dict_post_hook(_drop_prefix)
        self.register_load_state_dict_pre_hook(_add_prefix)

    def init_weights(self) -> None:
        """Start weights of the trunk, where its config names a file, and the gain of the neck."""
        trunk = self.sam.image_encoder.trunk
        with torch.no_grad():
            for level in self.sam.image_encoder.neck.convs:
                level.conv.weight *= self.neck_gain
        if hasattr(trunk, "init_weights"):
            trunk.init_weights()

    def train(self, mode: bool = True) -> "PoseSAM":
        """Set the mode; a frozen trunk stays in evaluation mode."""
        super().train(mode)
        if self.trainable != "all":
            self.sam.image_encoder.eval()
        return self

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Embeddings (``tensor``), losses (``loss``) or evaluated samples (``predict``).

        Args:
            inputs: (B, 3, S, S) normalised.
            data_samples: one an image, with ``gt_instances``.
            mode: one of the three.
        """
        if mode == "loss":
            return self.loss(inputs, data_samples)
        embeddings = self._embed(inputs)
        if mode == "predict":
            return self.predict(embeddings, data_samples)
        return embeddings

    def loss(self, inputs: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Losses summed over the first answer and the corrections.

        Returns:
            ``loss_mask``, ``loss_dice``, ``loss_iou``, ``loss_object`` (weighted), and the mean IoU
            of the first and of the last answer.
        """
        embeddings = self._embed(inputs)
        people, image_index = _join_people(data_samples)
        masks, keypoints, flags = people["masks"], people["keypoints"], people["keypoint_flags"]
        if len(masks) == 0:  # keep every parameter in the graph, for distributed training
            nothing = embeddings.coarse.sum() * 0
            return {f"loss_{name}": nothing for name in LOSS_WEIGHTS}
        size = self.sam.image_size
        drawn = torch.randint(len(self.first_counts), ()).item()
        points, used = first_clicks(keypoints, flags, masks, self.first_counts[drawn], size)
        points = points + self._jitter(points, masks)
        labels = torch.ones(points.shape[:2], dtype=torch.long, device=points.device)
        logits, total, ious = None, dict.fromkeys(LOSS_WEIGHTS, 0.0), []
        for step in range(self.num_corrections + 1):
            answer, large, best = self._answer(
                embeddings, image_index, points, labels, logits, masks.shape[-1]
            )
            losses = step_losses(large, answer.mask_scores, answer.object_logits, masks)
            total = {name: total[name] + losses[name] for name in total}
            rows = torch.arange(len(masks), device=masks.device)
            logits, predicted = answer.mask_logits[rows, best], large.detach()[rows, best]
            ious.append(mask_iou(predicted[:, None], masks[:, None]).mean())
            if step < self.num_corrections:
                new = self._correct(masks, predicted > 0, keypoints, (flags == 2) & ~used)
                points = torch.cat([points, new[0][:, None]], 1)
                labels = torch.cat([labels, new[1][:, None]], 1)
                used = used | new[2]
        weighted = {f"loss_{name}": self.loss_weights[name] * total[name] for name in total}
        return weighted | {"iou_first": ious[0], "iou_last": ious[-1]}

    def predict(
        self, embeddings: Embeddings, data_samples: Sequence[BaseDataElement]
    ) -> list[BaseDataElement]:
        """Masks of the annotated people, prompted with 1, 2, ... of their true joints.

        Seen joints come first, then occluded ones, in the order of the skeleton; people without a
        joint are not prompted.

        Returns:
            The samples with ``pred_masks``: for every number of ``eval_counts`` a dict with
            ``rles`` and ``mask_scores`` of the people, in the original image.
        """
        people, image_index = _join_people(data_samples)
        order = people["keypoint_flags"].long().argsort(dim=1, descending=True, stable=True)
        labels = (people["keypoint_flags"] > 0).gather(1, order).long() * (1 - UNUSED) + UNUSED
        points = people["keypoints"].gather(1, order[..., None].expand(-1, -1, 2))
        for sample in data_samples:
            sample.set_field({}, "pred_masks")
        for count in self.eval_counts:
            logits, scores = decode_grouped(
                self.sam, embeddings, image_index, points[:, :count], labels[:, :count]
            )
            for i, sample in enumerate(data_samples):
                own = image_index == i
                masks = upsample_masks(logits[own], sample.ori_shape).cpu().numpy()
                sample.pred_masks[count] = {
                    "rles": [mask_to_rle(mask) for mask in masks],
                    "mask_scores": scores[own].tolist(),
                    "is_prompted": (labels[own] != UNUSED).any(1).tolist(),
                }
        return list(data_samples)

    def _embed(self, inputs: Tensor) -> Embeddings:
        shapes = [tuple(inputs.shape[-2:])] * len(inputs)
        return embed_batch(self.sam, inputs, shapes)

    def _answer(self, embeddings, image_index, points, labels, logits, mask_size):
        """Decode a step: the answer, its logits at the size of the masks, the best-rated mask."""
        answer = decode_points(
            self.sam,
            embeddings,
            image_index,
            points,
            labels,
            mask_logits=logits,
            several_masks=points.shape[1] == 1,  # one click may mean several things
        )
        large = F.interpolate(
            answer.mask_logits.float(), (mask_size, mask_size), mode="bilinear", align_corners=False
        )
        return answer, large, answer.mask_scores.argmax(1)

    def _correct(self, masks, predicted, keypoints, candidates):
        if torch.rand(()).item() < self.from_truth_prob:
            predicted = torch.zeros_like(predicted)
        return correction_click(
            masks,
            predicted,
            keypoints,
            candidates,
            image_size=self.sam.image_size,
            keypoint_prob=self.keypoint_prob,
        )

    def _jitter(self, points: Tensor, masks: Tensor) -> Tensor:
        """Random offsets that grow with the person."""
        side = masks.sum((1, 2)).sqrt() * (self.sam.image_size / masks.shape[-1])
        return torch.randn_like(points) * (self.keypoint_jitter * side)[:, None, None]


def _join_people(data_samples: Sequence[BaseDataElement]) -> tuple[dict[str, Tensor], Tensor]:
    """Masks, joints and flags of the people of all images, and (N,) whose image is which."""
    instances = [sample.gt_instances for sample in data_samples]
    names = ("masks", "keypoints", "keypoint_flags")
    people = {name: torch.cat([one[name] for one in instances]) for name in names}
    device = people["masks"].device
    counts = torch.tensor([len(one) for one in instances], device=device)
    return people, torch.arange(len(instances), device=device).repeat_interleave(counts)


def _drop_prefix(module: nn.Module, state_dict: dict, prefix: str, metadata: dict) -> None:
    for name in list(state_dict):
        if name.startswith(prefix + "sam."):
            state_dict[prefix + name[len(prefix) + 4 :]] = state_dict.pop(name)


def _add_prefix(module: nn.Module, state_dict: dict, prefix: str, *_: Any) -> None:
    for name in list(state_dict):
        own = name[len(prefix) :]
        if name.startswith(prefix) and not own.startswith("sam."):
            state_dict[f"{prefix}sam.{own}"] = state_dict.pop(name)

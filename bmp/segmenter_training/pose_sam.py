"""SAM 2 learning to be prompted with joints.

SAM-pose2seg (Purkrabek & Matas, CVWW 2026, arXiv 2601.08982): clicks on joints, then rounds of
simulated corrections; every step is supervised.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn import functional as F

from bmp.registry import MODELS
from bmp.segmenter_training.clicks import correction_click, first_clicks
from bmp.segmenter_training.embedding_cache import EmbeddingCache, weights_key
from bmp.segmenter_training.losses import mask_iou, step_losses
from bmp.segmenter_training.prompted import BBOX, cut_out
from bmp.segmenters.batched_decoding import decode_points
from bmp.segmenters.embeddings import Embeddings, encode_images, finish_embeddings
from bmp.segmenters.prompting import PromptSettings
from bmp.segmenters.sam2_model import build_sam2
from bmp.segmenters.shared_decoder import DecodedMasks
from mmpose.structures.transfer import small_tensor

# Of annotated joints: those that can be seen first, then hidden ones, in the skeleton's order.
EVAL_PROMPTING = {"confidence_thr": 0.25, "visibility_thr": 0.25}
HIDDEN_LOGIT = -1024.0  # what SAM 2 makes of masks that it takes for absent
LOSS_WEIGHTS = {"mask": 20.0, "dice": 1.0, "iou": 1.0, "object": 1.0}
NEVER_USED = ("maskmem_tpos_enc", "no_mem_pos_enc")  # of the video memory
KEYPOINT_ORDERS = ("most_visible", "random")
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
        sam: numbers of :func:`bmp.segmenters.sam2_model.build_sam2`.
        first_counts: the number of first clicks is drawn from these, once per step.
        num_corrections: rounds of correction after them.
        keypoint_prob: how often a correction is a missed joint, where there is one.
        keypoint_order: which of several joints is clicked, ``most_visible`` or ``random``; equally
            visible ones, as all seen joints of COCO are, at random.
        from_truth_prob: how often a correction ignores the prediction (one draw per round).
        keypoint_jitter: spread of first clicks about their joint, as part of the root of the
            person's area.
        loss_weights: of ``mask``, ``dice``, ``iou``, ``object``.
        hide_absent: as in SAM 2's training, a mask does not learn its shape while the model says
            that there is nobody.
        neck_gain: start weights of the neck are multiplied by it. Features of a backbone trained
            elsewhere can be several times as strong as SAM's position code, which then drowns.
        trainable: ``all``, or ``prompt_and_decoder`` as published, with the backbone in eval mode.
        eval_counts: numbers of joints (or ``bbox``) that mode ``predict`` of :meth:`forward`
            answers for.
        eval_prompting: how they are chosen, of :class:`bmp.segmenters.PromptSettings`.
        embedding_cache: ``folder`` and ``max_gib`` of :class:`EmbeddingCache`, for a frozen image
            encoder and images that come again; None: encode always.
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
        keypoint_order: str = "most_visible",
        from_truth_prob: float = 0.1,
        keypoint_jitter: float = 0.0,
        loss_weights: Mapping[str, float] = LOSS_WEIGHTS,
        hide_absent: bool = False,
        neck_gain: float = 1.0,
        trainable: str = "all",
        eval_counts: Sequence[int | str] = (1, 3),
        eval_prompting: Mapping[str, Any] = EVAL_PROMPTING,
        embedding_cache: Mapping[str, Any] | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        if trainable not in TRAINABLE:
            raise ValueError(f"trainable must be one of {', '.join(TRAINABLE)}, got {trainable!r}")
        if set(loss_weights) != set(LOSS_WEIGHTS):
            raise ValueError(f"loss_weights must have {set(LOSS_WEIGHTS)}, got {set(loss_weights)}")
        if keypoint_order not in KEYPOINT_ORDERS:
            raise ValueError(f"keypoint_order must be one of {KEYPOINT_ORDERS}: {keypoint_order!r}")
        if embedding_cache is not None and trainable == "all":
            raise ValueError(
                "embedding_cache needs an image encoder that does not learn: set "
                "trainable='prompt_and_decoder', or leave the cache out"
            )
        if not all(entry == BBOX or isinstance(entry, int) for entry in eval_counts):
            raise ValueError(f"eval_counts holds numbers of joints or {BBOX!r}: {eval_counts}")
        if not first_counts or min(first_counts) < 1:
            raise ValueError(f"first_counts needs numbers of clicks from 1 on, got {first_counts}")
        if eval_prompting.get("crop"):
            raise ValueError("evaluation shows the whole image: take crop out of eval_prompting")
        self.first_counts = tuple(first_counts)
        self.num_corrections = num_corrections
        self.keypoint_prob = keypoint_prob
        self.keypoint_order = keypoint_order
        self.from_truth_prob = from_truth_prob
        self.keypoint_jitter = keypoint_jitter
        self.loss_weights = dict(loss_weights)
        self.hide_absent = hide_absent
        self.neck_gain = neck_gain
        self.trainable = trainable
        self.eval_counts = tuple(eval_counts)
        self.eval_prompting = PromptSettings(**eval_prompting)
        self.cache = None if embedding_cache is None else EmbeddingCache(**embedding_cache)
        self.cache_key: str | None = None  # of the weights, made when they are known
        self.sam = build_sam2(**sam)
        for name, parameter in self.sam.named_parameters():
            if name in NEVER_USED or not name.startswith(TRAINABLE[trainable]):
                parameter.requires_grad_(False)
        self.register_state_dict_post_hook(_drop_prefix)
        self.register_load_state_dict_pre_hook(_add_prefix)
        self.register_load_state_dict_post_hook(_forget_cache_key)

    def init_weights(self) -> None:
        """Start weights of the backbone, if its config names a file, and the gain of the neck."""
        backbone = self.sam.image_encoder.trunk
        with torch.no_grad():
            for level in self.sam.image_encoder.neck.convs:
                level.conv.weight *= self.neck_gain
        if hasattr(backbone, "init_weights"):
            backbone.init_weights()
        self.cache_key = None

    def train(self, mode: bool = True) -> "PoseSAM":
        """Set the mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.trainable != "all":
            self.sam.image_encoder.eval()
        return self

    def parts_to_compile(self) -> list[nn.Module]:
        """What `torch.compile` is worth: the decoder gets other numbers of people each time."""
        return [self.sam.image_encoder]

    def forward(
        self,
        inputs: Tensor,
        data_samples: Sequence[BaseDataElement] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Embeddings (``tensor``), losses (``loss``) or evaluated samples (``predict``).

        Args:
            inputs: (B, 3, S, S) normalised.
            data_samples: one per image, with ``gt_instances``.
            mode: one of the three.
        """
        if mode == "loss":
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        return self._embed(inputs)

    def loss(self, inputs: Tensor, data_samples: Sequence[BaseDataElement]) -> dict[str, Tensor]:
        """Losses summed over the first answer and the corrections.

        Returns:
            ``loss_mask``, ``loss_dice``, ``loss_iou``, ``loss_object`` (weighted), and the mean IoU
            of the first and of the last answer.
        """
        if self.cache is not None and any(sample.img_is_drawn for sample in data_samples):
            raise ValueError(
                "embedding_cache is on, but the images are warped or recoloured at random, so "
                "none comes twice: take WarpPeople and JitterColours out of the training "
                "pipeline (FlipPeople may stay), or leave embedding_cache out"
            )
        embeddings = self._embed(inputs)
        people, image_index = _join_people(data_samples)
        masks, keypoints, flags = people["masks"], people["keypoints"], people["keypoint_flags"]
        num_people = _mean_over_processes(masks)
        if len(masks) == 0:  # keep every parameter in the graph, for distributed training
            nothing = sum(p.sum() * 0 for p in self.parameters() if p.requires_grad)
            return {f"loss_{name}": nothing for name in LOSS_WEIGHTS}
        size = self.sam.image_size
        drawn = torch.randint(len(self.first_counts), ()).item()
        preference = people["visibility"] * (self.keypoint_order == "most_visible")
        points, used = first_clicks(
            keypoints, flags, masks, self.first_counts[drawn], size, preference
        )
        points = points + self._jitter(points, masks)
        labels = torch.ones(points.shape[:2], dtype=torch.long, device=points.device)
        logits, total, ious = None, dict.fromkeys(LOSS_WEIGHTS, 0.0), []
        for correction in range(self.num_corrections + 1):
            answer, small, large, best = self._answer(
                embeddings, image_index, points, labels, logits, masks.shape[-1]
            )
            losses = step_losses(
                large, answer.mask_scores, answer.object_logits, masks, num_people=num_people
            )
            total = {name: total[name] + losses[name] for name in total}
            rows = torch.arange(len(masks), device=masks.device)
            # where the next click goes is no part of what is learnt
            logits, predicted = small[rows, best], large.detach()[rows, best]
            ious.append(mask_iou(predicted[:, None], masks[:, None]).mean())
            if correction < self.num_corrections:
                candidates = (flags == 2) & ~used
                new = self._correct(masks, predicted > 0, keypoints, candidates, preference)
                points = torch.cat([points, new[0][:, None]], 1)
                labels = torch.cat([labels, new[1][:, None]], 1)
                used = used | new[2]
        weighted = {f"loss_{name}": self.loss_weights[name] * total[name] for name in total}
        return weighted | {"iou_first": ious[0], "iou_last": ious[-1]}

    def predict(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement]
    ) -> list[BaseDataElement]:
        """Masks of people prompted with 1, 2, ... of their joints (:func:`cut_out`)."""
        embeddings = self._embed(inputs, [tuple(sample.ori_shape) for sample in data_samples])
        return cut_out(self.sam, embeddings, data_samples, self.eval_counts, self.eval_prompting)

    def _embed(
        self, inputs: Tensor, image_shapes: Sequence[tuple[int, int]] | None = None
    ) -> Embeddings:
        shapes = image_shapes or [tuple(inputs.shape[-2:])] * len(inputs)
        if self.cache is None:
            return finish_embeddings(self.sam, encode_images(self.sam, inputs), shapes)
        if self.cache_key is None:
            self.cache_key = weights_key(self.sam.image_encoder)
        maps = self.cache.maps(inputs, self.cache_key, lambda x: encode_images(self.sam, x))
        return finish_embeddings(self.sam, maps, shapes)

    def _answer(
        self,
        embeddings: Embeddings,
        image_index: Tensor,
        points: Tensor,
        labels: Tensor,
        logits: Tensor | None,
        mask_size: int,
    ) -> tuple[DecodedMasks, Tensor, Tensor, Tensor]:
        """Decode a step: the answer, its logits as made (N, M, S/4, S/4) and at the size of the
        masks (N, M, R, R), and (N,) which mask it rates best."""
        answer = decode_points(
            self.sam,
            embeddings,
            image_index,
            points,
            labels,
            mask_logits=logits,
            several_masks=points.shape[1] == 1,  # one click may mean several things
        )
        small = answer.mask_logits.float()
        if self.hide_absent:
            is_there = answer.object_logits[..., None, None] > 0
            small = torch.where(is_there, small, HIDDEN_LOGIT)
        shape = (mask_size, mask_size)
        large = F.interpolate(small, shape, mode="bilinear", align_corners=False)
        return answer, small, large, answer.mask_scores.argmax(1)

    def _correct(
        self,
        masks: Tensor,
        predicted: Tensor,
        keypoints: Tensor,
        candidates: Tensor,
        preference: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The next click (:func:`correction_click`), now and then as if nothing were predicted."""
        if torch.rand(()).item() < self.from_truth_prob:
            predicted = torch.zeros_like(predicted)
        return correction_click(
            masks,
            predicted,
            keypoints,
            candidates,
            image_size=self.sam.image_size,
            keypoint_prob=self.keypoint_prob,
            preference=preference,
        )

    def _jitter(self, points: Tensor, masks: Tensor) -> Tensor:
        """Random offsets that grow with the person."""
        side = masks.sum((1, 2)).sqrt() * (self.sam.image_size / masks.shape[-1])
        return torch.randn_like(points) * (self.keypoint_jitter * side)[:, None, None]


def _join_people(data_samples: Sequence[BaseDataElement]) -> tuple[dict[str, Tensor], Tensor]:
    """Masks, joints and flags of the people of all images, and (N,) whose image is which."""
    instances = [sample.gt_instances for sample in data_samples]
    names = ("masks", "keypoints", "keypoint_flags", "visibility")
    people = {name: torch.cat([one[name] for one in instances]) for name in names}
    device = people["masks"].device
    # on the host, which knows how many there are: a device would have to be waited for
    image_index = [index for index, one in enumerate(instances) for _ in range(len(one))]
    return people, small_tensor(image_index, device=device, dtype=torch.long)


def _mean_over_processes(masks: Tensor) -> Tensor:
    """People of a process, on average, at least 1: losses of several processes then weigh all
    people alike."""
    num_people = torch.full((), float(len(masks)), device=masks.device)
    all_reduce(num_people, op="mean")
    return num_people.clamp(min=1)


def _forget_cache_key(module: nn.Module, _: Any) -> None:
    module.cache_key = None


def _drop_prefix(module: nn.Module, state_dict: dict, prefix: str, metadata: dict) -> None:
    for name in list(state_dict):
        if name.startswith(prefix + "sam."):
            state_dict[prefix + name[len(prefix) + 4 :]] = state_dict.pop(name)


def _add_prefix(module: nn.Module, state_dict: dict, prefix: str, *_: Any) -> None:
    for name in list(state_dict):
        own = name[len(prefix) :]
        if name.startswith(prefix) and not own.startswith("sam."):
            state_dict[f"{prefix}sam.{own}"] = state_dict.pop(name)

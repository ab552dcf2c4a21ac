"""RTMDet-Ins head: mmdet's, with exact masks at test time and no work done twice."""

import torch.nn.functional as F
from mmdet.models.dense_heads import RTMDetInsSepBNHead
from mmdet.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import batched_nms

from bmp.detectors.instance_masks import dynamic_mask_logits
from bmp.detectors.mask_upsampling import upsample_masks


@MODELS.register_module()
class ExactRTMDetInsHead(RTMDetInsSepBNHead):
    """``RTMDetInsSepBNHead`` with the same arguments, parameters and training.

    Two things differ. mmdet swaps the scale factors of width and height when it enlarges masks,
    so that a mask can come out a pixel too narrow, which COCO evaluation counts as a miss; here
    masks have the size of the image, and only their outlines are worked out in floats. And its
    branches for classes and boxes are one module run twice; here it runs once.
    """

    def forward(self, feats: tuple[Tensor, ...]) -> tuple:
        """Scores, distances and kernels per level, (B, ., h, w) each, and mask features."""
        # only where both branches share all their layers is one pass enough
        if self.with_objectness or self.cls_convs[0] is not self.reg_convs[0]:
            return super().forward(feats)
        outputs = []
        for level, (x, stride) in enumerate(zip(feats, self.prior_generator.strides, strict=True)):
            shared, kernel = x, x
            for layer in self.cls_convs[level]:
                shared = layer(shared)
            for layer in self.kernel_convs[level]:
                kernel = layer(kernel)
            outputs.append(
                (
                    self.rtm_cls[level](shared),
                    F.relu(self.rtm_reg[level](shared)) * stride[0],
                    self.rtm_kernel[level](kernel),
                )
            )
        return *zip(*outputs, strict=True), self.mask_head(feats)

    def _bbox_mask_post_process(
        self,
        results: InstanceData,
        mask_feat: Tensor,
        cfg: dict,
        rescale: bool = False,
        with_nms: bool = True,
        img_meta: dict | None = None,
    ) -> InstanceData:
        """Suppress, then make the masks of those who stay; an override of mmdet's method."""
        # (w, h); mmdet takes them as (h, w) when it enlarges masks
        scale_factor = tuple(img_meta["scale_factor"]) if rescale else (1.0, 1.0)
        results.bboxes = results.bboxes / results.bboxes.new_tensor(scale_factor * 2)
        sides = results.bboxes[:, 2:] - results.bboxes[:, :2]
        results = results[(sides > cfg.get("min_bbox_size", 0)).all(1)]
        if with_nms:
            keep = batched_nms(
                results.bboxes, results.scores, results.labels, cfg.nms.iou_threshold
            )
            results = results[keep[: cfg.max_per_img]]
        # masks come last, of those who stay: they are by far the dearest part
        stride = self.prior_generator.strides[0][0]
        logits = dynamic_mask_logits(
            mask_feat,
            results.kernels,
            results.priors,
            stride=stride,
            channels=self.dyconv_channels,
        )
        results.masks = upsample_masks(
            logits,
            tuple(img_meta["ori_shape" if rescale else "img_shape"][:2]),
            stride=stride,
            scale_factor=scale_factor,
            threshold=cfg.mask_thr_binary,
        ).unpack()  # mmdet's metrics take masks of bools
        return results

"""Masks of people with known boxes and joints, for evaluation."""

from collections.abc import Sequence
from dataclasses import replace

from mmengine.structures import BaseDataElement, InstanceData
from sam2.modeling.sam2_base import SAM2Base

from bmp.segmenters.batched_decoding import decode_prompts, upsample_masks
from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.prompting import PromptSettings, make_prompts
from bmp.segmenters.prompts import Prompts
from mmpose.structures.mask import mask_to_rle

BBOX = "bbox"  # the prompt that shows a box alone


def cut_out(
    sam: SAM2Base,
    embeddings: Embeddings,
    data_samples: Sequence[BaseDataElement],
    shown: Sequence[int | str],
    settings: PromptSettings,
) -> list[BaseDataElement]:
    """Add ``pred_masks`` to samples of :class:`bmp.segmenter_training.PackPeople`.

    Args:
        sam: the model, in evaluation mode.
        embeddings: of the images, with their original shapes.
        data_samples: with ``people`` in original pixels.
        shown: numbers of joints, or ``bbox``.
        settings: how joints are chosen.

    Returns:
        The samples; ``pred_masks`` has for every entry of ``shown`` a dict with ``rles``,
        ``scores`` (mask score times the person's) and ``is_prompted`` of the people.
    """
    for sample in data_samples:
        sample.set_field({}, "pred_masks")
    for entry in shown:
        prompts = [
            _prompts(sample.people, entry, settings, sample.ori_shape) for sample in data_samples
        ]
        answers = decode_prompts(sam, embeddings, prompts)
        for sample, prompt, (logits, mask_scores) in zip(
            data_samples, prompts, answers, strict=True
        ):
            masks = upsample_masks(logits, sample.ori_shape).unpack().cpu().numpy()
            scores = mask_scores.cpu() * sample.people.bbox_scores.cpu()
            sample.pred_masks[entry] = {
                "rles": [mask_to_rle(mask) for mask in masks],
                "scores": scores.tolist(),
                "is_prompted": prompt.is_prompted.tolist(),
            }
    return list(data_samples)


def _prompts(
    people: InstanceData, entry: int | str, settings: PromptSettings, image_shape: tuple[int, int]
) -> Prompts:
    if entry != BBOX:
        settings = replace(settings, num_pos_keypoints=entry)
        return make_prompts(people, settings, image_shape)
    settings = replace(settings, num_pos_keypoints=0, num_neg_keypoints=0, use_bbox=True)
    return make_prompts(people, replace(settings, crowd_by_max_iou=None), image_shape)

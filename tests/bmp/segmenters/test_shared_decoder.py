import numpy as np
import pytest
import torch

from bmp.segmenters import SAM2Segmenter
from bmp.segmenters.shared_decoder import decode_people, share_images
from tests.bmp.tiny_sam import TINY


@pytest.mark.parametrize("people", [0, 1, 3])
@pytest.mark.parametrize(("several", "masks"), [(False, 1), (True, 3)], ids=["one", "several"])
def test_people_have_one_mask_or_three_and_as_many_scores(people, several, masks):
    torch.manual_seed(0)
    segmenter = SAM2Segmenter({"model": {"sam": TINY}})
    embeddings = segmenter.embed([np.zeros((20, 30, 3), np.uint8)])
    tokens = torch.randn(people, 4, TINY["d_model"])
    images = share_images(segmenter.sam, embeddings)
    found = decode_people(segmenter.sam, images, [people], tokens, several_masks=several)
    size = TINY["image_size"] // 4
    assert found.mask_logits.shape == (people, masks, size, size)
    assert found.mask_scores.shape == (people, masks)
    assert found.object_logits.shape == (people, 1)
    if people == 3 and several:
        assert len(found.mask_scores.unique()) == 9

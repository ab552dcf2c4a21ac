"""ViTPose and SAM 2 of Hugging Face transformers, live, with random weights."""

import pytest
import torch

import mmpose.codecs
import mmpose.models  # noqa: F401 - registers
from bmp.segmenters.batched_decoding import decode_prompts
from bmp.segmenters.embeddings import embed_batch
from bmp.segmenters.prompts import Prompts
from bmp.segmenters.sam2_model import build_sam2
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.config import load_config
from mmpose.engine.hugging_face import convert_vitpose
from mmpose.registry import MODELS
from tests.interop.random_weights import with_random_weights
from tools.model_converters.to_huggingface import write_folder

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.interop

DIMS = 32
DECONV = {"deconv_out_channels": (256, 256), "deconv_kernel_sizes": (4, 4)}
SIMPLE = {
    "deconv_out_channels": (),
    "deconv_kernel_sizes": (),
    "final_layer": {"kernel_size": 3, "padding": 1},
}


def hugging_face_vitpose(*, simple, num_experts=1, part_features=0):
    """With random positions, norms and statistics: as they start, half of them would not show."""
    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[16, 16],
        hidden_size=DIMS,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        intermediate_size=2 * DIMS,
        num_experts=num_experts,
        part_features=part_features,
        out_indices=[2],
    )
    config = transformers.VitPoseConfig(
        backbone_config=backbone, use_simple_decoder=simple, num_labels=17, scale_factor=4
    )
    model = transformers.VitPoseForPoseEstimation(config).eval()
    generator = torch.Generator().manual_seed(3)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.is_floating_point():
            noise = torch.rand(value.shape, generator=generator)
            value.data.copy_(noise + 0.5 if "running_var" in name else noise - 0.4)
    return model


def our_vitpose(*, simple):
    head = SIMPLE if simple else DECONV
    neck = {"type": "FeatureMapProcessor", "scale_factor": 4.0, "apply_relu": True}
    return MODELS.build(
        {
            "type": "TopdownPoseEstimator",
            "backbone": {
                "type": "VisionTransformer",
                "arch": {
                    "embed_dims": DIMS,
                    "num_layers": 2,
                    "num_heads": 2,
                    "feedforward_channels": 2 * DIMS,
                },
                "img_size": (64, 48),
                "patch_cfg": {"padding": 2},
            },
            **({"neck": neck} if simple else {}),
            "head": {
                "type": "HeatmapHead",
                "in_channels": DIMS,
                "out_channels": 17,
                "decoder": {
                    "type": "UDPHeatmap",
                    "input_size": (48, 64),
                    "heatmap_size": (12, 16),
                    "sigma": 2,
                },
                **head,
            },
        }
    ).eval()


def heatmaps_of(model, images):
    features = model.backbone(images)
    if model.neck is not None:
        features = model.neck(features)
    return model.head(features)


@pytest.mark.parametrize("simple", [True, False])
@torch.no_grad()
def test_a_vitpose_folder_gives_the_heatmaps_of_transformers(simple, tmp_path):
    theirs, ours = hugging_face_vitpose(simple=simple), our_vitpose(simple=simple)
    theirs.save_pretrained(tmp_path)
    load_checkpoint(ours, tmp_path)
    images = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    expected = theirs(images).heatmaps
    torch.testing.assert_close(
        heatmaps_of(ours, images), expected, atol=1e-5 * float(expected.abs().max()), rtol=0
    )


@pytest.mark.parametrize(("expert", "number"), [("coco", 0), ("mpii", 2), ("wholebody", 5)])
@torch.no_grad()
def test_an_expert_of_vitpose_plus_is_taken_by_its_name(expert, number):
    theirs = hugging_face_vitpose(simple=True, num_experts=6, part_features=DIMS // 4)
    ours = our_vitpose(simple=True)
    ours.load_state_dict(convert_vitpose(theirs.state_dict(), expert))
    images = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    expected = theirs(images, dataset_index=torch.full((2,), number)).heatmaps
    torch.testing.assert_close(
        heatmaps_of(ours, images), expected, atol=1e-5 * float(expected.abs().max()), rtol=0
    )


@pytest.mark.parametrize("simple", [True, False])
@torch.no_grad()
def test_transformers_opens_the_folder_of_our_vitpose(simple, tmp_path):
    ours = our_vitpose(simple=simple)
    torch.manual_seed(5)
    for value in ours.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.1)
    write_folder(ours, tmp_path)
    theirs, report = transformers.AutoModelForPoseEstimation.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert transformers.AutoImageProcessor.from_pretrained(tmp_path).size == {
        "height": 64,
        "width": 48,
    }
    images = torch.randn(2, 3, 64, 48)
    expected = heatmaps_of(ours, images)
    torch.testing.assert_close(
        theirs.eval()(images).heatmaps, expected, atol=1e-5 * float(expected.abs().max()), rtol=0
    )


SIDE, WIDTH = 128, 64
OURS = {
    "image_size": SIDE,
    "d_model": WIDTH,
    "trunk": {
        "type": "Hiera",
        "embed_dim": 16,
        "num_heads": 1,
        "stages": (1, 1, 2, 1),
        "window_spec": (8, 4, 4, 2),
        "global_att_blocks": (3,),
        "window_pos_embed_bkg_spatial_size": (7, 7),
    },
}


def hugging_face_sam2(*, video):
    backbone = transformers.Sam2HieraDetConfig(
        hidden_size=16,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[16, 32, 64, 128],
        window_size_per_stage=[8, 4, 4, 2],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        global_attention_blocks=[3],
    )
    vision = transformers.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[128, 64, 32, 16],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=WIDTH,
    )
    prompt = {"hidden_size": WIDTH, "image_size": SIDE}
    decoder = {"hidden_size": WIDTH, "iou_head_hidden_dim": 256}
    kind = transformers.Sam2VideoConfig if video else transformers.Sam2Config
    config = kind(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    torch.manual_seed(4)
    model = (transformers.Sam2VideoModel if video else transformers.Sam2Model)(config).eval()
    return with_random_weights(model, 0.02)


@torch.no_grad()
def test_a_sam2_folder_gives_the_masks_of_transformers(tmp_path):
    theirs, ours = hugging_face_sam2(video=False), build_sam2(**OURS)
    theirs.save_pretrained(tmp_path)
    load_checkpoint(ours, tmp_path)
    batch = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    points = torch.tensor([[[30.0, 40.0], [90.0, 20.0]], [[64.0, 100.0], [5.0, 5.0]]])
    labels = torch.tensor([[1, 0], [1, 1]])
    prompts = Prompts(points, labels, torch.zeros(2, 4), torch.zeros(2, dtype=torch.bool))
    embeddings = embed_batch(ours, batch, [(SIDE, SIDE)])
    ((logits, scores),) = decode_prompts(ours, embeddings, [prompts])
    answer = theirs(
        pixel_values=batch,
        input_points=points[None],
        input_labels=labels[None],
        multimask_output=False,
    )
    expected = answer.pred_masks[0, :, 0]
    tolerance = 1e-5 * float(expected.abs().max())
    torch.testing.assert_close(logits, expected, atol=tolerance, rtol=0)
    torch.testing.assert_close(scores, answer.iou_scores[0, :, 0], atol=1e-5, rtol=0)


def test_a_published_config_takes_files_with_and_without_the_video_memory(tmp_path):
    config = load_config("configs/sam_pose2seg/sam2.1_hiera-s_sa-v-1024x1024.py").model.sam
    config.trunk.update(stages=(1, 2, 7, 2), global_att_blocks=(5, 7, 9))  # transformers' default
    with_memory = build_sam2(**config)
    video = transformers.Sam2VideoModel(transformers.Sam2VideoConfig())
    copy = video.prompt_encoder.shared_embedding.positional_embedding
    copy.data.copy_(video.shared_image_embedding.positional_embedding)
    video.save_pretrained(tmp_path / "video")
    before = with_memory.maskmem_tpos_enc.clone()
    load_checkpoint(with_memory, tmp_path / "video")
    assert not torch.equal(with_memory.maskmem_tpos_enc, before)
    torch.testing.assert_close(with_memory.no_obj_ptr, video.no_object_pointer, atol=0, rtol=0)
    config.memory = None
    load_checkpoint(build_sam2(**config), tmp_path / "video")  # what it has no place for is told

"""The loop of BBoxMaskPose v1 (setting D3): SAM 2.1 Hiera-B+ shown six far-apart confident joints.

Purkrabek & Matas, ICCV 2025, supplementary tables 6 to 8. The published configuration cannot run
(its SAM config is missing); this is SAM 2.1 at 1024 x 1024, which that file described.
"""

_base_ = ["bmp_v2.py"]

model = dict(
    segmenter=dict(config="sam2.1_hiera-b+_sa-v-1024x1024", checkpoint="sam2.1_hiera_base_plus.pt"),
    loop=dict(
        prompting=dict(
            num_pos_keypoints=6,
            num_pos_keypoints_if_crowd=6,
            confidence_thr=0.3,
            visibility_thr=0.3,
            selection_method="distance+confidence",
        )
    ),
)

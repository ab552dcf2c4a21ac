"""How dark the pose model sees the background of a person's mask: trained with 0.25.

python tools/ablate.py configs/ablations/mask_conditioning.py

Poses from true boxes and masks of embedded crowds. With ``off`` no step looks at masks, which
must give what ``alpha-0`` gives.
"""

base = "configs/demo/pmpose_lite0_synthcrowd-128x96.py"
options = {
    "test_dataloader.dataset.datasets": [
        dict(
            type="CocoDataset",
            metainfo=dict(from_file="configs/_base_/datasets/coco.py"),
            data_root="datasets/synthcrowd/val",
            ann_file="annotations.json",
            data_prefix=dict(img="images"),
            test_mode=True,
        )
    ],
    "test_evaluator": dict(
        _delete_=True, type="CocoMetric", ann_file="datasets/synthcrowd/val/annotations.json"
    ),
}
changes = {
    "alpha-0": {"alpha": 0.0},
    "alpha-0.5": {"alpha": 0.5},
    "alpha-1": {"alpha": 1.0},
    "off": {
        "test_dataloader.dataset.pipeline": [
            dict(type="LoadImage"),
            dict(type="GetBBoxCenterScale"),
            dict(type="TopdownAffine", input_size=(96, 128), use_udp=True),
            dict(type="PackPoseInputs"),
        ]
    },
}
show = ["coco/AP", "coco/AP .5", "coco/AP .75"]

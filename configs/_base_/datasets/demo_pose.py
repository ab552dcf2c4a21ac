"""Data of the demo pose models: real photos and rendered crowds, crops of 128 x 96.

Training mixes 60 % real people (those without a mask are not conditioned) with 40 % rendered
ones. Tests pose the annotated people (true boxes and masks) of the rendered validation crowds and
of the 153-image CC subset of COCO val2017, which is never trained on.
"""

__knobs__ = {
    "codec": "targets and decoding",
    "alpha": "how dark the background outside the mask is: 0 keeps it, 1 paints it black",
    "mask_noise": "how masks are damaged in training, arguments of MaskBackground",
}
input_size = (96, 128)
codec = dict(type="UDPHeatmap", input_size=input_size, heatmap_size=(48, 64), sigma=2)
metainfo = dict(from_file="configs/_base_/datasets/coco.py")
alpha = 0.25
mask_noise = dict(erode_prob=0.5, erode_amount=0.5, dilate_prob=0.5, dilate_amount=0.1)

load_steps = [dict(type="LoadImage"), dict(type="GetBBoxCenterScale")]
window_steps = [
    dict(type="RandomFlip"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform", scale_factor=(0.7, 1.3), rotate_factor=30),
]
crop_step = dict(type="TopdownAffine", input_size=input_size, use_udp=True)
pack_step = dict(type="PackPoseInputs")

train_pipeline = [
    *load_steps,
    dict(type="MaskBackground", alpha=alpha, **mask_noise),
    *window_steps,
    crop_step,
    dict(type="PhotometricDistortion"),
    dict(type="GenerateTarget", encoder=codec),
    pack_step,
]
val_pipeline = [
    *load_steps,
    dict(type="MaskBackground", alpha=alpha),
    crop_step,
    pack_step,
]

photos = dict(
    type="CocoDataset",
    metainfo=dict(metainfo, dataset_name="coco_people_480"),
    data_root="datasets",
    ann_file="coco_people_480_train.json",
    data_prefix=dict(img="coco_val2017_people_480/images"),
)
synthcrowd = dict(
    type="CocoDataset",
    metainfo=dict(metainfo, dataset_name="synthcrowd"),
    ann_file="annotations.json",
    data_prefix=dict(img="images"),
)
cc153 = dict(
    type="CocoDataset",
    metainfo=dict(metainfo, dataset_name="cc153"),
    data_root="datasets/coco_val2017_people_cc",
    ann_file="person_keypoints.json",
    data_prefix=dict(img="images"),
    test_mode=True,
)
train_datasets = [photos, dict(synthcrowd, data_root="datasets/synthcrowd/train")]
test_datasets = [dict(synthcrowd, data_root="datasets/synthcrowd/val", test_mode=True), cc153]

train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="MultiSourceSampler", batch_size=64, source_ratio=[3, 2]),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=train_datasets,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False, round_up=False),
    dataset=dict(
        type="CombinedDataset",
        metainfo=metainfo,
        datasets=test_datasets,
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type="MultiDatasetEvaluator",
    datasets=test_datasets,
    metrics=[
        dict(
            type="CocoMetric",
            ann_file="datasets/synthcrowd/val/annotations.json",
            prefix="synthcrowd",
        ),
        dict(
            type="CocoMetric",
            ann_file="datasets/coco_val2017_people_cc/person_keypoints.json",
            prefix="cc153",
        ),
    ],
)
test_evaluator = val_evaluator

"""Does RTMDet-Ins-L ignore holes? COCO val2017 with known people blacked out, as in the loop.

For the published fine-tune, ``rtmdet-ins-l-mask.pth``; add ``--cfg-options
model.bbox_head.num_classes=80`` for a model of all classes, of which the people alone count.
"""

_base_ = ["./rtmdet-ins_l_insmask_1xb16-300e_coco-640x640.py"]

__knobs__ = {"holes": "who is blacked out and how, arguments of RemoveKnownInstances"}
holes = dict(
    type="RemoveKnownInstances",
    remove=dict(type="RemoveRandomInstances", prob=1.0, fill="black", dilation=(0, 0)),
    seed=0,
)
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True),
    holes,
    dict(type="Resize", scale=_base_.image_size, keep_ratio=True),
    dict(type="Pad", size=_base_.image_size, pad_val=dict(img=(114, 114, 114))),
    dict(
        type="PackDetInputs",
        meta_keys=(
            *("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
            *("people_left", "people_removed"),
        ),
    ),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type="HoleMetric", score_thr=0.3)
test_evaluator = val_evaluator

"""Steps of the data pipelines of crops of 256 x 192; together they are those of plain crops."""

__knobs__ = {
    "codec": "targets and decoding",
    "mask_noise": "how masks are damaged in training, arguments of MaskBackground",
}
input_size = (192, 256)
codec = dict(type="UDPHeatmap", input_size=input_size, heatmap_size=(48, 64), sigma=2)

load_steps = [dict(type="LoadImage"), dict(type="GetBBoxCenterScale")]
# how the masks of mask-conditioned models are damaged in training
mask_noise = dict(erode_prob=0.5, erode_amount=0.5, dilate_prob=0.5, dilate_amount=0.1)
window_steps = [
    dict(type="RandomFlip", direction="horizontal"),
    dict(type="RandomHalfBody"),
    dict(type="RandomBBoxTransform"),
]
crop_step = dict(type="TopdownAffine", input_size=input_size, use_udp=True)
pack_step = dict(type="PackPoseInputs")
target_steps = [dict(type="GenerateTarget", encoder=codec), pack_step]

train_pipeline = [*load_steps, *window_steps, crop_step, *target_steps]
val_pipeline = [*load_steps, crop_step, pack_step]

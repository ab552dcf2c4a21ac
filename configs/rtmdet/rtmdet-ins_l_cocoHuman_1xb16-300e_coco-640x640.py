"""RTMDet-Ins-L for people alone that never sees a hole: the control of the loop's fine-tune.

Same start and schedule as ``rtmdet-ins_l_insmask_1xb16-300e_coco-640x640.py``, but nobody is
removed, and the first stage has Mosaic and MixUp, as for the 80-class model.
"""

_base_ = ["./rtmdet-ins_l_8xb32-300e_coco-640x640.py"]

model = dict(bbox_head=dict(num_classes=1))
load_from = "models/rtmdet-ins_l_8xb32-300e_coco_20221124_103237-78d1d652.pth"
load_from_allow = ["bbox_head.rtm_cls.*"]

people = dict(classes=("person",), palette=[(220, 20, 60)])
train_dataloader = dict(batch_size=16, dataset=dict(metainfo=people))
val_dataloader = dict(dataset=dict(metainfo=people))
test_dataloader = val_dataloader

base_lr = 0.002
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [_base_.warm_up, dict(_base_.cosine, eta_min=base_lr * 0.05)]

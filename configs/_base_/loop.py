"""Evaluation of the whole loop: what all its configs share.

A config of ``configs/bmp`` joins one of ``models/`` with one of ``datasets/loop_*.py``, which begin
here. mmengine refuses two bases with one key: ``model`` stands in the former alone.
"""

_base_ = ["runtime.py"]

default_scope = "mmengine"  # its loop and sampler; ours are named with their scope
custom_imports = dict(imports=["bmp.loop.model", "bmp.evaluation"], allow_failed_imports=False)

checkpoint = None  # the parts bring their own

# one image a batch: numbers do not depend on how images are shared among processes
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="bmp.CocoImageDataset"),
)
test_evaluator = dict(type="bmp.LoopCocoMetric")
test_cfg = dict(type="bmp.ResumableTestLoop")  # goes on where a run stopped
vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(_delete_=True, type="Visualizer", vis_backends=vis_backends)

"""The small models that ship on COCO val2017."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_coco.py"]

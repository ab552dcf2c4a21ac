"""The small models that ship on CIHP val."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_cihp.py"]

"""The small models that ship on OCHuman val."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_ochuman_val.py"]

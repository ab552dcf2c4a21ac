"""The small models that ship on OCHuman test."""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_ochuman_test.py"]

"""Setting D3 of BBoxMaskPose v1 on COCO val2017.

python tools/datasets/check.py configs/bmp/bmp_d3.py   # is all there?
python tools/test.py configs/bmp/bmp_d3.py

Settings: ``configs/_base_/models/bmp_d3.py``; other sets: ``bmp_d3_SET.py`` beside this file.
"""

_base_ = ["../_base_/models/bmp_d3.py", "../_base_/datasets/loop_coco.py"]

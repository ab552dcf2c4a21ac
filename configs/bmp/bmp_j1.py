"""Setting J1 of BBoxMaskPose v1 on COCO val2017.

python tools/datasets/check.py configs/bmp/bmp_j1.py   # is all there?
python tools/test.py configs/bmp/bmp_j1.py

Settings: ``configs/_base_/models/bmp_j1.py``; other sets: ``bmp_j1_SET.py`` beside this file.
"""

_base_ = ["../_base_/models/bmp_j1.py", "../_base_/datasets/loop_coco.py"]

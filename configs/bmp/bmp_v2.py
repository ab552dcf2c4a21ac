"""BBoxMaskPose v2 on COCO val2017.

python tools/datasets/check.py configs/bmp/bmp_v2.py   # is all there?
python tools/test.py configs/bmp/bmp_v2.py

Settings: ``configs/_base_/models/bmp_v2.py``; other sets: ``bmp_v2_SET.py`` beside this file.
"""

_base_ = ["../_base_/models/bmp_v2.py", "../_base_/datasets/loop_coco.py"]

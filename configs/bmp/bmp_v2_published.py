"""Published BBoxMaskPose v2 on COCO val2017.

python tools/datasets/check.py configs/bmp/bmp_v2_published.py   # is all there?
python tools/test.py configs/bmp/bmp_v2_published.py

Settings: ``configs/_base_/models/bmp_v2_published.py``; other sets:
``bmp_v2_published_SET.py`` beside this file.
"""

_base_ = ["../_base_/models/bmp_v2_published.py", "../_base_/datasets/loop_coco.py"]

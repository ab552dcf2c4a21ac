"""The loop on the small models, evaluated on 153 real photos that none of them was trained on.

python tools/test.py configs/demo/bmp_demo_cc153.py

Needs ``datasets/coco_val2017_people_cc`` (see datasets/README.md).
"""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_cc153.py"]

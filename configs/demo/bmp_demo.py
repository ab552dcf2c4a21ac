"""The loop on the small models that ship with the project, evaluated on embedded crowds.

python tools/test.py configs/demo/bmp_demo.py

Needs ``datasets/synthcrowd/val`` (python tools/datasets/synthcrowd.py). The settings are in
``configs/_base_/models/bmp_demo.py``.
"""

_base_ = ["../_base_/models/bmp_demo.py", "../_base_/datasets/loop_synthcrowd.py"]

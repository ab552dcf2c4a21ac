"""COCO's 17 joints and CrowdPose's 14: pairs of a source and a target joint, `KeypointConverter`.

Both have shoulders, elbows, wrists, hips, knees and ankles, left before right.
"""

coco_to_shared_12 = [(joint, joint - 5) for joint in range(5, 17)]
crowdpose_to_shared_12 = [(joint, joint) for joint in range(12)]
# 13 is the neck; 12, the top of the head, stays empty
coco_to_crowdpose = [*coco_to_shared_12, ((5, 6), 13)]

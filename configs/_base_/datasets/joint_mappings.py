"""Which joint of a merged skeleton each joint of a data set becomes (`CombinedDataset`).

The skeletons are the metainfo files coco_aic (19 joints), merged_COCO_AIC_MPII (21, and its
variants _21 without a pelvis and _22), merged_COCO_AIC_MPII_mergable (23) and
merged_COCO_AIC_MPII_wLimbs (41, whose first 23 are those of the 23). Joints 0-16 are COCO's in
all of them; data sets differ in the joints beyond.
"""

coco_to_17 = {i: i for i in range(17)}
mpii_to_17 = {0: 16, 1: 14, 2: 12, 3: 11, 4: 13, 5: 15, 10: 10, 11: 8, 12: 6, 13: 5, 14: 7, 15: 9}
aic_to_17 = {0: 6, 1: 8, 2: 10, 3: 5, 4: 7, 5: 9, 6: 12, 7: 14, 8: 16, 9: 11, 10: 13, 11: 15}

# MPII: 6 pelvis, 7 thorax, 8 upper neck, 9 head top; AIC: 12 head top, 13 neck
aic_to_19 = {**aic_to_17, 12: 17, 13: 18}
mpii_to_21 = {**mpii_to_17, 6: 20, 7: 17, 8: 18, 9: 19}
aic_to_21 = {**aic_to_17, 12: 19, 13: 17}
mpii_to_21_no_pelvis = {**mpii_to_17, 7: 17, 8: 18, 9: 20}
aic_to_21_no_pelvis = {**aic_to_17, 12: 20, 13: 19}
mpii_to_22 = {**mpii_to_17, 6: 21, 7: 17, 8: 18, 9: 20}
aic_to_22 = {**aic_to_17, 12: 20, 13: 19}
mpii_to_23 = {**mpii_to_17, 6: 18, 7: 17, 8: 19, 9: 20}
aic_to_23 = {**aic_to_17, 12: 22, 13: 21}

# COCO-WholeBody: feet, finger tips, mouth corners. The left corner of the mouth is joint 77; the
# published table took 72, the point beside the right corner.
wholebody_to_41 = {
    **coco_to_17,
    **{17: 23, 18: 24, 19: 25, 20: 26, 21: 27, 22: 28},
    **{95: 29, 99: 30, 103: 31, 107: 32, 111: 33},
    **{116: 34, 120: 35, 124: 36, 128: 37, 132: 38},
    **{71: 39, 77: 40},
}

"""SAM 2.1 with Hiera-S as published."""

_base_ = ["sam2.1_hiera-b+_sa-v-1024x1024.py"]

model = dict(
    sam=dict(
        trunk=dict(
            embed_dim=96,
            num_heads=1,
            stages=(1, 2, 11, 2),
            global_att_blocks=(7, 10, 13),
            window_pos_embed_bkg_spatial_size=(7, 7),
        )
    )
)
checkpoint = "sam2.1_hiera_small.pt"
work_dir = "work_dirs/sam2.1_hiera-s_sa-v-1024x1024"

"""SAM 2.1 with Hiera-L as published."""

_base_ = ["sam2.1_hiera-b+_sa-v-1024x1024.py"]

model = dict(
    sam=dict(
        trunk=dict(
            embed_dim=144,
            num_heads=2,
            stages=(2, 6, 36, 4),
            global_att_blocks=(23, 33, 43),
            window_pos_embed_bkg_spatial_size=(7, 7),
            window_spec=(8, 4, 16, 8),
        )
    )
)
checkpoint = "sam2.1_hiera_large.pt"
work_dir = "work_dirs/sam2.1_hiera-l_sa-v-1024x1024"

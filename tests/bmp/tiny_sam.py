"""Numbers of a SAM 2 that builds and runs in milliseconds."""

TINY = {
    "image_size": 64,
    "d_model": 32,
    "trunk": {
        "type": "Hiera",
        "embed_dim": 8,
        "stages": (1, 1, 1, 1),
        "window_spec": (8, 4, 4, 2),
        "global_att_blocks": (),
        "window_pos_embed_bkg_spatial_size": (4, 4),
    },
}

"""What mmdet needs of compiled mmcv, forwarded to torchvision."""

"""``bmp serve``: a page on this machine to try the loop."""

"""`bmp run`: the loop on image files, and what it writes."""

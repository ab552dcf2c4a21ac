"""`bmp predict`: the loop on image files, and what it writes."""

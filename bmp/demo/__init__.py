"""`make demo`: everything once, on embedded data."""

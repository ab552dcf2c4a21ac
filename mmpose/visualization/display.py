"""Whether images can be shown on this machine."""

# matplotlib's own that only write files
FILE_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


def require_display() -> None:
    """Stop before work is done for a window that cannot open.

    Raises:
        RuntimeError: matplotlib, which shows images, has no display; with what to do instead.
    """
    import matplotlib.pyplot as plt  # takes its backend when it is imported first

    backend = plt.get_backend().lower()
    if backend in FILE_BACKENDS:
        raise RuntimeError(
            f"show=True wants to open a window, but this machine has no display that matplotlib "
            f"can use (its backend is {backend!r}); set show=False and write the images to files "
            "(out_file= or out_dir=), or connect with a display (ssh -X)"
        )

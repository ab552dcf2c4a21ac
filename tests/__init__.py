"""A package, so that a `tests` folder that some library installs does not come first."""

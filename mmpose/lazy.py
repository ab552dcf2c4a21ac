"""Packages whose public names are imported when the first of them is used.

So a tool that needs a file reader starts without torch: half a gigabyte and two seconds less.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def names_of(package: str) -> Callable[[str], Any]:
    """``__getattr__`` of a package whose public names stand in its module ``public``.

    Args:
        package: its name.
    """

    def find(name: str) -> Any:
        # whoever inspects modules asks for names such as __wrapped__, which nothing defines
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        public = import_module(f"{package}.public")
        if hasattr(public, name):
            return getattr(public, name)
        try:  # a module of the package, which used to be there once the package was
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return find

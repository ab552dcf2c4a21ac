"""Configs by name."""

import os
from difflib import get_close_matches
from pathlib import Path

CONFIG_FOLDER = Path(__file__).resolve().parent / "configs"
YAML = (".yaml", ".yml")


def find_config(name: str | os.PathLike, folders: tuple[str, ...] = ("bmp", "demo")) -> Path:
    """The file of a config.

    Args:
        name: a path, or the stem of a file in one of the folders, in any case.
        folders: of ``configs/``, searched in this order.

    Raises:
        FileNotFoundError: there is none; the message lists the names there are.
        ValueError: it is YAML, as the published presets were; with what to take instead.
    """
    text = os.fspath(name)
    if text.endswith(".py"):
        for path in (Path(text), CONFIG_FOLDER.resolve().parent / text):
            if path.is_file():
                return path
        raise FileNotFoundError(f"no config file {text!r}")
    by_stem = {
        path.stem.lower(): path
        for folder in reversed(folders)
        for path in (CONFIG_FOLDER / folder).glob("*.py")
    }
    if text.lower().endswith(YAML):
        raise ValueError(_instead_of_yaml(text, by_stem))
    if text.lower() in by_stem:
        return by_stem[text.lower()].resolve()
    near = get_close_matches(text.lower(), by_stem, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(by_stem))}"
    places = " and ".join(f"configs/{folder}" for folder in folders)
    raise FileNotFoundError(f"no config {text!r} in {places}; {hint}")


def _instead_of_yaml(text: str, by_stem: dict[str, Path]) -> str:
    near = get_close_matches(Path(text).stem.lower(), by_stem, n=1)
    names = [near[0]] if near else sorted(by_stem)
    presets = ", ".join(f"{name!r} ({by_stem[name].resolve()})" for name in names)
    return (
        f"{text} is YAML, which is not read: settings are Python configs here. Take "
        f"{presets}, and give values of your own by cfg_options={{'key.below': value}} or in a "
        "config that inherits from it, _base_ = [...]"
    )

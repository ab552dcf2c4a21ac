"""DeepLabCut projects: ``config.yaml``, and for each video of ``labeled-data`` a table of joints.

``CollectedData_SCORER.csv`` has a row an image and two columns a joint. Above them stand the
scorer, the individual (in projects of several), the body part, and x or y. An image is named in
one column, or in three by newer versions; an empty cell is a joint that is not labelled.
"""

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmpose.datasets.image_files import read_image_shape

from .people import Imported, ImportedImage, ImportedPerson, ReadOptions

HEADERS = ("scorer", "individuals", "bodyparts", "coords")
NOBODY = "single"  # DeepLabCut's name for the owner of uniquebodyparts, which are of the scene


@dataclass(frozen=True)
class JointTable:
    """A table of one video.

    Attributes:
        images: as the rows name them, with slashes.
        columns: individual ("" in projects of one) and body part of each pair of numbers.
        points: (R, J, 2) x, y in pixels; nan where a joint is not labelled.
    """

    images: list[str]
    columns: list[tuple[str, str]]
    points: np.ndarray


def is_it(path: Path) -> bool:
    """Whether a path is a project, its config.yaml or a table of joints."""
    if path.is_dir():
        return (path / "labeled-data").is_dir()
    if path.suffix == ".h5":
        return path.name.startswith("CollectedData_") and path.is_file()
    if path.suffix == ".csv" and path.is_file():
        with path.open(encoding="utf-8-sig", errors="replace") as file:  # Excel marks its files
            return file.readline().startswith("scorer")
    return path.name == "config.yaml" and (path.parent / "labeled-data").is_dir()


def read(path: Path, options: ReadOptions) -> Imported:
    """Read all tables of a project, or one.

    Raises:
        ValueError: a table is damaged or holds predictions, or there is none.
        ImportError: there is an HDF5 table alone, and what reads it is not installed.
    """
    is_table = path.suffix in (".csv", ".h5")
    project = _project_of(path) if is_table else path if path.is_dir() else path.parent
    config = _config_of(project)
    imported = Imported()
    files = [path] if is_table else _tables_of(project, config, imported)
    tables = [(file, read_table(file)) for file in files]
    parts = [part for _, table in tables for owner, part in table.columns if owner != NOBODY]
    listed = config.get("multianimalbodyparts") or config.get("bodyparts")
    # projects of several have a word such as MULTI! in the place of bodyparts
    names = listed if isinstance(listed, list) else dict.fromkeys(parts)
    imported.joint_names = list(options.joint_names or map(str, names))
    imported.skeleton = _links(config.get("skeleton"), imported)
    for file, table in tables:
        _add_table(file, table, project, options, imported)
    return imported


def read_table(path: Path) -> JointTable:
    """Read ``CollectedData_SCORER.csv``, or the ``.h5`` of the same content.

    Raises:
        ValueError: it is no table of labels.
        ImportError: an HDF5 file has no CSV beside it, and pandas or tables is not installed.
    """
    rows = [row for row in csv.reader(io.StringIO(_text_of(path))) if any(row)]
    headers = {row[0]: row for row in rows[: len(HEADERS)] if row[0] in HEADERS}
    if not {"scorer", "bodyparts", "coords"} <= set(headers):
        raise ValueError(f"{path}: a table of DeepLabCut begins with the rows {', '.join(HEADERS)}")
    coords = headers["coords"]
    if "likelihood" in coords:
        raise ValueError(
            f"{path} holds predictions for a video; labels are in labeled-data/VIDEO/"
            "CollectedData_SCORER.csv: name the project"
        )
    start = next((n for n, cell in enumerate(coords[1:], 1) if cell), len(coords))
    if coords[start::2] != ["x"] * len(coords[start::2]) or len(coords[start:]) % 2:
        raise ValueError(f"{path}: expected x and y of each joint, got {coords[start:][:6]} ...")
    owners = headers.get("individuals", [""] * len(coords))
    columns = list(zip(owners[start::2], headers["bodyparts"][start::2], strict=True))
    body = rows[len(headers) :]
    try:
        numbers = [[float(cell or "nan") for cell in row[start:]] for row in body]
        points = np.array(numbers, float).reshape(len(body), len(columns), 2)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); save it again in DeepLabCut") from error
    images = ["/".join(row[:start]).replace("\\", "/") for row in body]
    return JointTable(images, columns, points)


def _text_of(path: Path) -> str:
    """A table as CSV text; of an HDF5 file the CSV that DeepLabCut writes beside it, if there."""
    beside = path.with_suffix(".csv")
    if beside.is_file():
        return beside.read_text(encoding="utf-8-sig", errors="replace")
    try:
        import pandas
        import tables  # noqa: F401 - pandas reads HDF5 by it
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{path} has no {beside.name} beside it, and HDF5 needs {error.name}: pip install "
            "pandas tables"
        ) from error
    return pandas.read_hdf(path).to_csv()


def _add_table(
    file: Path, table: JointTable, project: Path, options: ReadOptions, imported: Imported
) -> None:
    seen: set[str] = set()
    for name, points in zip(table.images, table.points, strict=True):
        place = _find(name, file, project, options)
        shape = read_image_shape(place)
        if name in seen:
            imported.odd["images that a table lists twice, of which the first counts"] += 1
            continue
        seen.add(name)
        if shape is None:
            imported.odd["images that are not here, left out"] += 1
            continue
        inside = os.path.relpath(place, options.images or project)
        imported.images.append(ImportedImage(Path(inside).as_posix(), *shape))
        people: dict[str, ImportedPerson] = {}
        for (owner, part), (x, y) in zip(table.columns, points, strict=True):
            if not np.isfinite((x, y)).all():
                continue
            if owner == NOBODY:
                imported.note("points of uniquebodyparts, which are nobody's, left out")
                continue
            people.setdefault(owner, ImportedPerson()).joints[part] = (float(x), float(y), 2)
        imported.images[-1].people = list(people.values())
        if not people:
            imported.note("images without a labelled joint (nobody there)")


def _find(name: str, file: Path, project: Path, options: ReadOptions) -> Path:
    """The image of a row: in the folder that was named, beside its table, or as its name says."""
    base, video = Path(name).name, file.parent.name
    parts = (name, f"{video}/{base}", base) if options.images else ()
    named = [options.images / part for part in parts]
    places = [*named, file.parent / base, project / name]
    return next((place for place in places if place.is_file()), places[0])


def _project_of(table: Path) -> Path:
    """The folder round ``labeled-data``, else that of the table."""
    folder = table.absolute().parent
    return folder.parent.parent if folder.parent.name == "labeled-data" else table.parent


def _config_of(project: Path) -> dict[str, Any]:
    path = project / "config.yaml"
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no whole YAML ({str(error).splitlines()[0]})") from error
    return content if isinstance(content, dict) else {}


def _tables_of(project: Path, config: dict[str, Any], imported: Imported) -> list[Path]:
    """One table for each video: that of the project's scorer, else the first."""
    files = []
    for folder in sorted(path for path in (project / "labeled-data").iterdir() if path.is_dir()):
        found = sorted({f.with_suffix("") for f in folder.glob("CollectedData_*") if is_it(f)})
        if not found:
            imported.odd["videos without a table of labels, left out"] += 1
            continue
        own = folder / f"CollectedData_{config.get('scorer')}"
        stem = own if own in found else found[0]
        imported.odd["tables of other scorers, left out"] += len(found) - 1
        csv_file = stem.with_name(f"{stem.name}.csv")
        files.append(csv_file if csv_file.is_file() else stem.with_name(f"{stem.name}.h5"))
    if not files:
        raise ValueError(
            f"{project} has no table labeled-data/VIDEO/CollectedData_SCORER.csv; label some "
            "images and save them first"
        )
    return files


def _links(skeleton: Any, imported: Imported) -> list[tuple[int, int]]:
    """Pairs of places in the list of joints; DeepLabCut's own are pairs of names."""
    place = {name: n for n, name in enumerate(imported.joint_names)}
    pairs = [tuple(map(str, pair)) for pair in skeleton or [] if isinstance(pair, list)]
    known = [pair for pair in pairs if len(pair) == 2 and set(pair) <= set(place)]
    imported.odd["limbs between joints that are not listed, left out"] += len(pairs) - len(known)
    return [(place[start], place[end]) for start, end in known]

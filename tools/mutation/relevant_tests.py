"""Which tests are about a module: those that mirror its path or import it."""

import ast
from functools import cached_property
from pathlib import Path

PACKAGES = ("mmpose", "bmp", "pmpose", "bboxmaskpose", "benchmarks", "tests")


class ImportGraph:
    """Who imports whom in a repository, read from the sources.

    Args:
        root: of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        paths = [path for part in PACKAGES for path in sorted((root / part).rglob("*.py"))]
        self.paths = {_module_name(path.relative_to(root)): path for path in paths}

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Module -> the modules of this repository that it imports."""
        return {module: self._imports(module) for module in self.paths}

    def _imports(self, module: str) -> set[str]:
        found = set()
        # tests of a tool run it as a script, so that what it imports is what they are about
        tool = self.root / "tools" / f"{module.removeprefix('tests.tools.test_')}.py"
        sources = [self.paths[module], *([tool] if tool.is_file() else [])]
        for node in (n for path in sources for n in ast.walk(ast.parse(path.read_bytes()))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._base(module, node)
                found |= {self._home(base, alias.name) for alias in node.names}
        return found & self.paths.keys()

    def _base(self, module: str, node: ast.ImportFrom) -> str:
        """Full name of the module after ``from``; a file beside a test comes first."""
        package = module if self.paths[module].name == "__init__.py" else module.rpartition(".")[0]
        if node.level:
            package = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            return f"{package}.{node.module}" if node.module else package
        beside = f"{package}.{node.module}"
        return beside if module.startswith("tests.") and beside in self.paths else node.module

    def _home(self, base: str, name: str) -> str:
        """The module that ``from base import name`` is about, through what packages hand on."""
        if f"{base}.{name}" in self.paths:
            return f"{base}.{name}"
        if base in self.paths and self.paths[base].name == "__init__.py":
            for node in ast.parse(self.paths[base].read_bytes()).body:
                if name in (late := _looked_up_late(node)):
                    return f"{base}.{late[name]}"
                names = {a.name for a in node.names} if isinstance(node, ast.ImportFrom) else set()
                if not names & {name, "*"}:
                    continue
                source = self._base(base, node)
                home = self._home(source, name)
                if name in names or home != source:  # of a star, only what it is known to hold
                    return home
        return base

    def distances(self, module: str) -> dict[str, int]:
        """Test module -> over how many imports it reaches a module."""
        importers: dict[str, set[str]] = {}
        for user, used in self.imports.items():
            for one in used:
                importers.setdefault(one, set()).add(user)
        distances, ring = {module: 0}, {module}
        while ring:
            ring = {user for one in ring for user in importers.get(one, ())} - distances.keys()
            distances |= dict.fromkeys(ring, max(distances.values()) + 1)
        return {name: n for name, n in distances.items() if self._is_test(name)}

    def _is_test(self, module: str) -> bool:
        return module.startswith("tests.") and module.rpartition(".")[2].startswith("test_")

    def tests_of(self, path: str) -> list[str]:
        """Test files of a source file, the nearest first.

        Those that import it, those beside its mirror image that import one that imports it, the
        mirror image itself; where there are none, the tests that reach it over the fewest imports.

        Args:
            path: of the source file, relative to the root.

        Raises:
            ValueError: no test reaches it.
        """
        source = Path(path)
        distances = self.distances(_module_name(source))
        folder = self.root / "tests" / source.parent
        while not folder.is_dir():
            folder = folder.parent
        mirror = folder / f"test_{source.stem}.py"
        near = {
            name: distance
            for name, distance in distances.items()
            if distance == 1 or (distance == 2 and self.paths[name].parent == folder)
        }
        if mirror.is_file():
            near[_module_name(mirror.relative_to(self.root))] = 0
        if not near:
            nearest = min(distances.values(), default=0)
            near = {name: n for name, n in distances.items() if n == nearest}
        if not near:
            raise ValueError(f"no test reaches {path}; write tests/{source.parent}/{mirror.name}")
        order = sorted(near, key=lambda name: (near[name], self.paths[name].parent != folder, name))
        return [str(self.paths[name].relative_to(self.root)) for name in order]


def _looked_up_late(node: ast.stmt) -> dict[str, str]:
    """Name -> module, where a package lists in a dict what it imports when it is used."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Dict):
        return {}
    pairs = zip(node.value.keys, node.value.values, strict=True)
    return {
        key.value: value.value
        for key, value in pairs
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
    }


def _module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")

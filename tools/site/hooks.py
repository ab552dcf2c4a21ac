"""What the site adds to the pages of docs/: pages of other folders, and a page for each module.

Diagrams become the drawings that tools/site/diagrams.sh made: the site needs no script of others.
Links that leave docs/ lead to those pages, or become plain names where there is none. MkDocs calls
the functions by their names.
"""

import ast
import hashlib
import re
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# pages that lie beside what they are about -> their place on the site
ELSEWHERE = {
    "datasets/README.md": "datasets.md",
    "bmp/weights/README.md": "model_cards.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
}
SEARCH = "search_worker.js"
# what Material would load from the web to search a site on a disk
SEARCH_FROM_WEB = re.compile(r'"https://unpkg.com/iframe-worker[^"]*"')
PACKAGES = ("bmp", "mmpose", "pmpose", "bboxmaskpose")
MODULE_PAGE = """# {module}

[All modules](index.md)

::: {module}
    options:
      show_root_heading: false
      show_root_toc_entry: false
"""
REFERENCE = """# Reference

Public classes and functions, from their docstrings. Begin with one of these:

- [`bmp.api`](bmp.api.md), [`bmp.results`](bmp.results.md): the loop and what it gives
- [`bmp.pmpose`](bmp.pmpose.md), [`mmpose.apis`](mmpose.apis.model.md): pose models alone
- [`bmp.interfaces`](bmp.interfaces.md), [`bmp.structures`](bmp.structures.md): what a part of your
  own must do, and the record of people
- [`bmp.loop.settings`](bmp.loop.settings.md): the constants of the loop
"""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
MERMAID = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
# as docstrings name what stands elsewhere, before and after Markdown
ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):(`|<code>)~?\.?([\w.]+)(`|</code>)")
LEDGER = re.compile(r"<!-- ledger.*?-->|<!-- /ledger -->", re.DOTALL)


def public_modules() -> dict[str, list[str]]:
    """Package -> its modules with a public class or function, by dotted name."""
    modules: dict[str, list[str]] = {package: [] for package in PACKAGES}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names = parts[:-1] if parts[-1] == "__init__" else parts
            is_config = "configs" in parts or "metainfo" in parts
            if not is_config and not any(n.startswith("_") for n in names) and is_public(path):
                modules[package].append(".".join(names))
    return modules


def is_public(path: Path) -> bool:
    """Whether a file defines a class or function without a leading underscore."""
    kinds = ast.FunctionDef | ast.ClassDef
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in body)


def summary_of(module: str) -> str:
    """First line of a module's docstring."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return ROLE.sub(r"`\2`", text.split("\n\n")[0].replace("\n", " ").replace("``", "`"))


def on_files(files: Files, config: dict) -> Files:
    """Add the pages of other folders and of the modules."""
    for source, target in ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=text))
    worker = (ROOT / "tools/site" / SEARCH).read_text(encoding="utf-8")
    files.append(File.generated(config, f"assets/{SEARCH}", content=worker))
    modules = [module for found in public_modules().values() for module in found]
    for module in modules:
        page = MODULE_PAGE.format(module=module)
        files.append(File.generated(config, f"reference/{module}.md", content=page))
    files.append(File.generated(config, "reference/index.md", content=overview(modules)))
    return files


def overview(modules: list[str]) -> str:
    """The list of all modules, a heading for each package of a package."""
    lines, heading = [REFERENCE], ""
    for module in sorted(modules, key=lambda m: (PACKAGES.index(m.split(".")[0]), place_of(m), m)):
        if place_of(module) != heading:
            heading = place_of(module)
            lines.append(f"\n## {heading}\n")
        lines.append(f"- [`{module}`]({module}.md): {summary_of(module)}")
    return "\n".join(lines) + "\n"


def place_of(module: str) -> str:
    """The package whose heading a module stands below: ``bmp``, ``bmp.loop``."""
    return ".".join(module.split(".")[:-1][:2]) or module


def on_page_markdown(markdown: str, page: object, **_: object) -> str:
    """Rewrite links that leave docs/; drop the templates of measured numbers."""
    target = page.file.src_uri
    source = {new: old for old, new in ELSEWHERE.items()}.get(target, f"docs/{target}")
    markdown = MERMAID.sub(_drawing, LEDGER.sub("", markdown))
    # every second part is a fence, which stays as it is
    parts = FENCE.split(markdown)
    for n in range(0, len(parts), 2):
        parts[n] = LINK.sub(lambda link: _link(link, source), parts[n])
    return "".join(parts)


def on_page_content(html: str, page: object, **_: object) -> str:
    """Make links of the names that docstrings give as roles, such as :func:`drawing_of`."""
    folder, _, name = page.file.src_uri.removesuffix(".md").partition("/")
    return ROLE.sub(lambda role: _reference(role[2], name), html) if folder == "reference" else html


def on_post_page(output: str, page: object, **_: object) -> str:
    """Search with a script of the site itself."""
    up = "../" * page.url.count("/")
    return SEARCH_FROM_WEB.sub(f'"{up}assets/{SEARCH}"', output)


def drawing_of(diagram: str) -> str:
    """Name in docs/images of the drawing of a diagram; another diagram has another name."""
    return f"diagram-{hashlib.sha256(diagram.encode()).hexdigest()[:8]}.svg"


def _reference(name: str, module: str) -> str:
    """A link to what is named in full, or as the module names it; text where nothing is."""
    target = name if name.split(".")[0] in PACKAGES else f"{module}.{name}"
    return f'<autoref optional identifier="{target}"><code>{name}</code></autoref>'


def _drawing(fence: re.Match) -> str:
    name = drawing_of(fence[1])
    if not (ROOT / "docs" / "images" / name).is_file():
        raise PluginError(f"no docs/images/{name} of a changed diagram: tools/site/diagrams.sh")
    return f"![The diagram as a drawing](images/{name})"


def _link(link: re.Match, source: str) -> str:
    image, text, address = link.groups()
    name, _, heading = address.partition("#")
    if not name or re.match(r"[a-z]+:", address):
        return link[0]
    path = (ROOT / source).parent.joinpath(name).resolve()
    if not path.is_relative_to(ROOT):
        return link[0]
    place = path.relative_to(ROOT).as_posix()
    if place == "README.md":
        place = "docs/index.md"
    place = f"docs/{ELSEWHERE[place]}" if place in ELSEWHERE else place
    if not place.startswith("docs/"):
        return text if image or text.startswith("`") else f"{text} (`{place}`)"
    up = "../" * (len(Path(source).parent.parts) - 1) if source.startswith("docs/") else ""
    return f"{image}[{text}]({up}{place.removeprefix('docs/')}{'#' + heading if heading else ''})"

"""The wrong changes that are tried, as replacements of text in a source file."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise

# the nearest neighbour, which only an example at equality tells apart, and the opposite
BOUNDARIES = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">")}
OPPOSITES = {
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
SIGNS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
UNARY = {ast.Not: ("not", "not"), ast.Invert: ("~", "not"), ast.USub: ("-", "sign")}
LIMITS = {"clamp", "clamp_", "clip", "round", "rint", "abs", "floor", "ceil", "nan_to_num"}
MESSENGERS = {"warnings.warn", "print_log"}
NAMES_OF_MODULES = {"np", "torch", "math", "F"}


def _both_ways(*pairs: str) -> dict[str, str]:
    split = [pair.split() for pair in pairs]
    return dict(split) | {b: a for a, b in split}


TWINS = _both_ways(
    "min max",
    "amin amax",
    "argmin argmax",
    "minimum maximum",
    "any all",
    "zeros ones",
    "ceil floor",
) | _both_ways("zeros_like ones_like", "new_zeros new_ones", "sum mean")
PARTNERS = _both_ways(
    "width height", "left right", "top bottom", "rows columns", "row column", "low high", "x y"
) | _both_ways("first second", "old new", "pred gt", "start end", "least most", "lower upper")


@dataclass(frozen=True, order=True)
class Mutant:
    """One wrong change: the bytes ``start`` to ``end`` of a file become ``text``."""

    path: str
    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """The whole file with the change."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def lines(self, source: bytes) -> tuple[str, str]:
        """The line where the change begins, before and after, without indentation."""
        before, after = (text.decode().splitlines() for text in (source, self.apply(source)))
        return before[self.line - 1].strip(), after[self.line - 1].strip()

    def diff(self, source: bytes) -> str:
        """The changed lines, - before and + after."""
        before, after = (text.decode().splitlines() for text in (source, self.apply(source)))
        return "\n".join(list(unified_diff(before, after, lineterm="", n=0))[3:])


def find_mutants(path: str, source: bytes) -> list[Mutant]:
    """All changes of a file that are valid Python and not the same program.

    Type annotations, decorators, ``__repr__`` and everything that makes the text of an error or a
    warning are left alone.

    Args:
        path: of the file, relative to the repository.
        source: its content.
    """
    tree = ast.parse(source)
    finder = _Finder(source)
    found = {Mutant(path, *change) for change in finder.changes(tree)}
    plain = ast.dump(tree)
    return sorted(mutant for mutant in found if _is_other_program(mutant.apply(source), plain))


def _is_other_program(source: bytes, plain: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) != plain
    except SyntaxError:
        return False


def _unmutated(tree: ast.AST) -> set[ast.AST]:
    """Nodes that say nothing about what the code computes, with all below them."""
    roots: list[ast.AST | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            roots += [node.returns, *node.decorator_list]
            roots += [node] if node.name == "__repr__" else []
        elif isinstance(node, ast.ClassDef):
            roots += node.decorator_list
        elif isinstance(node, ast.arg | ast.AnnAssign):
            roots.append(node.annotation)
        elif isinstance(node, ast.JoinedStr | ast.Raise) or _is_told(node):
            roots.append(node)
    return {below for root in roots if root is not None for below in ast.walk(root)}


def _is_told(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in MESSENGERS


Change = tuple[int, str, int, int, str]  # line, kind, start, end, text


class _Finder:
    """Finds changes; positions in a syntax tree are lines and bytes within them."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        lines = source.splitlines(keepends=True)
        self.offsets = [0]
        for line in lines:
            self.offsets.append(self.offsets[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends, bytes."""
        start = self.offsets[node.lineno - 1] + node.col_offset
        return start, self.offsets[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()

    def changes(self, tree: ast.Module) -> Iterator[Change]:
        skipped = _unmutated(tree)
        nodes = [node for node in ast.walk(tree) if node not in skipped]
        defaults = {below for node in nodes for root in _defaults(node) for below in ast.walk(root)}
        for node in nodes:
            if isinstance(node, ast.Constant):
                yield from self._constant(node, "default" if node in defaults else "constant")
            elif method := getattr(self, f"_{type(node).__name__.lower()}", None):
                yield from method(node)
            if isinstance(node, ast.FunctionDef):
                yield from self._swapped_names(node, skipped)

    def _replace(self, kind: str, node: ast.AST, text: str) -> Change:
        return node.lineno, kind, *self.span(node), text

    def _between(
        self, kind: str, left: int, right: int, change: tuple[str, str]
    ) -> Iterator[Change]:
        """Replace an operator that stands somewhere between two places."""
        old, new = change
        pattern = r"\b" + old.replace(" ", r"\s+") + r"\b" if old.isalpha() else re.escape(old)
        match = re.search(pattern.encode(), self.source[left:right])
        if match:
            line = self.source.count(b"\n", 0, left + match.start()) + 1
            yield line, kind, left + match.start(), left + match.end(), new

    def _compare(self, node: ast.Compare) -> Iterator[Change]:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            gap = self.span(left)[1], self.span(right)[0]
            for kind, table in (("boundary", BOUNDARIES), ("comparison", OPPOSITES)):
                if type(operator) in table:
                    yield from self._between(kind, *gap, table[type(operator)])

    def _operator(self, operator: ast.AST, left: ast.AST, right: ast.AST) -> Iterator[Change]:
        if type(operator) in SIGNS:
            gap = self.span(left)[1], self.span(right)[0]
            yield from self._between("sign", *gap, SIGNS[type(operator)])

    def _binop(self, node: ast.BinOp) -> Iterator[Change]:
        yield from self._operator(node.op, node.left, node.right)

    def _augassign(self, node: ast.AugAssign) -> Iterator[Change]:
        yield from self._operator(node.op, node.target, node.value)
        yield self._replace("statement", node, "pass")

    def _boolop(self, node: ast.BoolOp) -> Iterator[Change]:
        for left, right in pairwise(node.values):
            yield from self._operator(node.op, left, right)

    def _unaryop(self, node: ast.UnaryOp) -> Iterator[Change]:
        if type(node.op) in UNARY:
            symbol, kind = UNARY[type(node.op)]
            yield self._replace(kind, node, self.text(node).removeprefix(symbol).lstrip())

    def _constant(self, node: ast.Constant, kind: str) -> Iterator[Change]:
        value = node.value
        if isinstance(value, bool):
            yield self._replace(kind, node, str(not value))
        elif isinstance(value, int):
            yield self._replace(kind, node, str(value + 1))
        elif isinstance(value, float):
            yield self._replace(kind, node, str(2 * value or 1.0))

    def _call(self, node: ast.Call) -> Iterator[Change]:
        function, arguments = node.func, node.args
        name = getattr(function, "attr", getattr(function, "id", None))
        if name in LIMITS:
            owner = getattr(function, "value", None)
            if isinstance(owner, ast.AST) and ast.unparse(owner) not in NAMES_OF_MODULES:
                yield self._replace("limit", node, self._owner_text(function))
            elif arguments:
                yield self._replace("limit", node, f"({self.text(arguments[0])})")
        for left, right in pairwise(arguments):
            if isinstance(left, ast.Name) and isinstance(right, ast.Name):
                start, end = self.span(left)[0], self.span(right)[1]
                yield left.lineno, "swap", start, end, f"{right.id}, {left.id}"

    def _owner_text(self, function: ast.Attribute) -> str:
        """``x`` of ``x.clamp``, with the brackets that may stand round it."""
        text = self.text(function)[: -len(function.attr)]
        return text.rstrip().removesuffix(".")

    def _name(self, node: ast.Name) -> Iterator[Change]:
        if node.id in TWINS and isinstance(node.ctx, ast.Load):
            yield self._replace("twin", node, TWINS[node.id])

    def _attribute(self, node: ast.Attribute) -> Iterator[Change]:
        if node.attr in TWINS:
            end = self.span(node)[1]
            start = end - len(node.attr)
            yield node.end_lineno, "twin", start, end, TWINS[node.attr]

    def _swapped_names(self, node: ast.FunctionDef, skipped: set) -> Iterator[Change]:
        names = [below for below in ast.walk(node) if isinstance(below, ast.Name)]
        known = {name.id for name in names} | {arg.arg for arg in ast.walk(node) if _is_arg(arg)}
        for name in names:
            partner = PARTNERS.get(name.id)
            if partner in known and isinstance(name.ctx, ast.Load) and name not in skipped:
                yield self._replace("swap", name, partner)

    def _slice(self, node: ast.Slice) -> Iterator[Change]:
        lower, upper = (part and self.text(part) for part in (node.lower, node.upper))
        if node.step is not None:
            yield self._replace("slice", node, f"{lower or ''}:{upper or ''}")
        elif lower and upper:
            yield self._replace("slice", node, f":{upper}")
            yield self._replace("slice", node, f"{lower}:")
        elif lower or upper:
            yield self._replace("slice", node, f"{upper or ''}:{lower or ''}")

    def _if(self, node: ast.If) -> Iterator[Change]:
        """A guard that never holds, and a return that always comes."""
        if any(isinstance(below, ast.NamedExpr) for below in ast.walk(node.test)):
            return
        last = node.body[-1]
        if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
            yield self._replace("guard", node.test, "False")
        if isinstance(last, ast.Return | ast.Continue | ast.Break):
            yield self._replace("early return", node.test, "True")

    def _ifexp(self, node: ast.IfExp) -> Iterator[Change]:
        for value in ("False", "True"):
            yield self._replace("guard", node.test, value)

    def _expr(self, node: ast.Expr) -> Iterator[Change]:
        if isinstance(node.value, ast.Call) and not _is_told(node.value):
            yield self._replace("statement", node, "pass")

    def _assign(self, node: ast.Assign) -> Iterator[Change]:
        if all(isinstance(target, ast.Subscript) for target in node.targets):
            yield self._replace("statement", node, "pass")


def _is_arg(node: ast.AST) -> bool:
    return isinstance(node, ast.arg)


def _defaults(node: ast.AST) -> Iterable[ast.AST]:
    """Default values of arguments and of a class's fields."""
    if isinstance(node, ast.arguments):
        return [value for value in (*node.defaults, *node.kw_defaults) if value is not None]
    if isinstance(node, ast.ClassDef):
        fields = [part for part in node.body if isinstance(part, ast.AnnAssign | ast.Assign)]
        return [field.value for field in fields if field.value is not None]
    return []

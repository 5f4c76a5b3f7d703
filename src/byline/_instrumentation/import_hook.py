"""Adds the mark, innermost, to the functions a manifest names, while their module is imported.

Whatever the other decorators keep (a route table, a registry, an alias) then keeps the measured function.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

from .. import _config, _registry
from .._manifest import Manifest
from .._model import Attribution, Function, Unverified
from .._parsing import undisturbed
from .._registry import Entry
from .._telemetry import instruments, otel, worker
from . import bytecode, lookup
from .selection import selection_of
from .wrapper import wrap

if TYPE_CHECKING:
    import ast

_log = logging.getLogger("byline")

_SENTINEL = "byline: the place of the mark"
"""Stands for the mark in the syntax tree; in the code object the mark itself takes its place.

So no name of ours appears in the user's module, and the code can be written to a file.
"""


_told: set[str] = set()
"""Modules whose functions are marked, or of which it is said that they are not."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a node of the syntax tree keeps statements, or what holds statements."""


def mark(function: FunctionType) -> object:
    """Return the measured form of a function that is being defined; on any trouble, the function itself."""
    try:
        current, code = lookup.manifest(), function.__code__
        if current is None:
            return function
        found = lookup.attribute(current, code, lookup.function_here(code, function.__module__))
        if not _is_wanted(*found):
            return function
        return wrap(function, _registry.find(code) or _registry.add(Entry(code, *found)))
    except Exception as error:  # noqa: BLE001  # one function that cannot be wrapped never stops a module from importing
        name = f"{function.__module__}.{function.__qualname__}"
        _log.exception("byline could not wrap %s; it runs unmeasured", name)
        lookup.note(Unverified(name, f"could not be wrapped: {error}"))
        return function


def marked_code(data: bytes, path: str, lines: frozenset[int]) -> CodeType:
    """
    Compile a module with the mark's stand-in as innermost decorator of the functions that start in these lines.

    Args:
        lines: Lines of ``def``. Line numbers and everything else stay as they are.
    """
    import ast  # loaded only by a program that has something to mark

    tree = undisturbed(lambda: ast.parse(data, path))
    # Functions are among statements only; to walk the expressions too would cost as much as to compile them.
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno in lines:
            node.decorator_list.append(_place(node))
        elif (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(node.value, ast.Lambda)
            and node.value.lineno in lines
        ):
            node.value = _called(node.value)
        for name in _BLOCKS:
            waiting += getattr(node, name, ())
    return undisturbed(lambda: compile(tree, path, "exec", dont_inherit=True))


def _place(node: ast.expr | ast.stmt) -> ast.expr:
    import ast

    place = ast.copy_location(ast.Constant(_SENTINEL), node)
    # One line is enough: a mark that spanned the body would widen every traceback caret.
    place.end_lineno, place.end_col_offset = node.lineno, node.col_offset
    return place


def _called(node: ast.Lambda) -> ast.expr:
    """Hand a lambda to the mark; the compiler would warn of a constant that is called, so it gets a choice of two."""
    import ast

    choice = ast.copy_location(ast.BoolOp(ast.Or(), [_place(node), _place(node)]), node)
    return ast.copy_location(ast.Call(choice, [node], []), node)


def _embed(code: CodeType) -> CodeType:
    """Put the mark in the place of its stand-in, in a code object and all inside it."""
    constants = tuple(
        mark
        if each is _SENTINEL or each == _SENTINEL
        else _embed(each)
        if isinstance(each, CodeType)
        else each
        for each in code.co_consts
    )
    return code if constants == code.co_consts else code.replace(co_consts=constants)


class MarkingLoader(SourceFileLoader):
    """Loads one module from its source, with marks."""

    def __init__(self, fullname: str, path: str, manifest: Manifest) -> None:
        super().__init__(fullname, path)
        self._manifest = manifest

    def get_code(self, fullname: str) -> CodeType | None:
        """Compile the module with marks; without anything to mark, do as Python does."""
        path = self.get_filename(fullname)
        try:
            code = code_with_marks(path, self.get_data(path), fullname, self._manifest, is_kept=True)
        except SyntaxError:
            code = None  # Python's own loader raises it, with nothing of ours in the traceback
        except Exception as error:  # noqa: BLE001  # fail open: the module imports, unmeasured
            _log.exception("byline could not mark %s; it runs unmeasured", fullname)
            lookup.note(Unverified(fullname, f"could not be marked: {error}"))
            code = None
        _told.add(fullname)
        return super().get_code(fullname) if code is None else code


def code_with_marks(
    path: str, data: bytes, module: str, manifest: Manifest, *, is_kept: bool = False
) -> CodeType | None:
    """
    Return a module's marked code, or None when the manifest names nothing in it.

    Args:
        is_kept: Whether the code may be kept for the next start, see ``bytecode``.
    """
    lines = named_in(lookup.source_of(path, module, manifest, data))
    if not lines:
        return None

    def make() -> CodeType:
        return marked_code(data, path, lines)

    return _embed(bytecode.kept(path, data, lines, make) if is_kept else make())


def named_in(source: lookup.Source) -> frozenset[int]:
    """Return the lines of the functions to measure, where they are now."""
    if source.file is None:
        return frozenset()
    if source.status == "ok":
        found = source.file.functions()
    else:
        moved = source.file.moved_functions(list(source.lines))
        found = ((now, attribution) for _, now, attribution in moved)
    return frozenset(function.line for function, attribution in found if _is_wanted(function, attribution))


def _is_wanted(function: Function, attribution: Attribution) -> bool:
    return attribution.verdict == "ai" and selection_of(_config.current()).wants(function, attribution)


class Finder:
    """
    Hands out the marking loader for modules that may be in the manifest, and no others.

    Not a child of ``importlib.abc.MetaPathFinder``, which adds nothing and loads a dozen modules.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._tails = manifest.tails
        self._asked = threading.local()
        """Names: who stands in for this finder in ``sys.meta_path`` is among those that it asks."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ask the finders after this one, and exchange the loader of a source file."""
        if fullname.rpartition(".")[2] not in self._tails:
            if fullname in otel.ANNOUNCED:
                # On the background thread, which waits until the module is there.
                worker.submit(instruments.destinations)
            return None
        asked = vars(self._asked)
        if fullname in asked:
            return None
        asked[fullname] = True
        try:
            spec = self._next(fullname, path, target)
        finally:
            del asked[fullname]
        if spec is None or spec.loader is None:
            return spec
        if type(spec.loader) is SourceFileLoader:
            spec.loader = MarkingLoader(spec.loader.name, spec.loader.path, self._manifest)
        elif fullname in self._manifest.modules:
            _told.add(fullname)
            lookup.note(
                Unverified(fullname, f"loaded by {loader_name(spec.loader)}, which byline cannot mark")
            )
        return spec

    def _next(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        after = sys.meta_path[sys.meta_path.index(self) + 1 :] if self in sys.meta_path else sys.meta_path
        for finder in after:
            spec = finder.find_spec(fullname, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                return spec
        return None


def loader_name(loader: object) -> str:
    return f"{type(loader).__module__}.{type(loader).__qualname__}"


def install(manifest: Manifest) -> Finder:
    """Put a finder in front of the others."""
    finder = Finder(manifest)
    sys.meta_path.insert(0, finder)
    return finder


def remove(finder: Finder) -> None:
    """Take the finder away; modules that were imported keep their marks."""
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)


def tell(module: str) -> None:
    """Remember that a module was marked elsewhere."""
    _told.add(module)


def is_told(module: str) -> bool:
    """Tell whether a module was marked, or is listed as one that is not."""
    return module in _told

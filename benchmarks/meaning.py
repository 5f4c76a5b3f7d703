"""What a function does, as text that two versions of it can be compared by; a part of touches.py.

Written apart from byline's own comparison of versions, so that the two check each other.
"""

from __future__ import annotations

import ast
import warnings


class _Bare(ast.NodeTransformer):
    """Leaves out what does nothing when a function is called."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:  # the name that ast calls
        if node.value is None:
            return ast.Pass()
        return ast.Assign([self.visit(node.target)], self.visit(node.value))

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # the name that ast calls
        # A nested function is one of its own.
        return ast.FunctionDef(node.name, ast.arguments([], [], None, [], [], None, []), [], [])

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name that ast calls


def meaning(source: bytes, qualname: str) -> list[str]:
    """
    Return a text for each definition of a function; none when the file has none, or cannot be parsed.

    Args:
        source: The file.
        qualname: The function's qualified name.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return []
    return [_text(node) for name, node in _definitions(tree, "") if name == qualname]


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Lambda):
        return ast.dump(_Bare().visit(node))
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)  # noqa: S101  # for the type checker
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    parts = [_Bare().visit(each) for each in (node.args, *body)]
    return "\n".join([type(node).__name__, *(ast.dump(each) for each in parts)])


def _definitions(node: ast.AST, prefix: str) -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append((prefix + child.name, child))
            found += _definitions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            found += _definitions(child, f"{prefix}{child.name}.")
        else:
            if isinstance(child, ast.Assign | ast.AnnAssign) and isinstance(child.value, ast.Lambda):
                found.append((f"{prefix}<lambda>", child.value))
            found += _definitions(child, prefix)
    return found

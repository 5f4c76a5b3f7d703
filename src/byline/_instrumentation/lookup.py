"""Finds the attribution of a function that is being marked: from the manifest, or later from git."""

from __future__ import annotations

from types import CodeType

from .. import _registry
from .._model import Attribution, Function
from .._registry import Entry


def entry_for(code: CodeType, module: str) -> Entry:
    """
    Return the registry's entry of a code object, new or known.

    Never asks git and never waits: without a manifest the entry is ``pending``
    and a background scan settles it.
    """
    known = _registry.find(code)
    if known is not None:
        return known
    function = Function(module, code.co_qualname, code.co_filename, code.co_firstlineno, code.co_firstlineno, code.co_firstlineno)
    return _registry.add(Entry(code, function, Attribution()))

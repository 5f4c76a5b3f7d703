"""Generated functions with another function's exact parameters: source, compiled once per shape; nothing is measured here."""

from __future__ import annotations

import functools
import inspect
import keyword
import linecache
import re
import textwrap
from collections.abc import Mapping
from time import perf_counter
from types import CellType, CodeType, FunctionType
from typing import Final

from .. import _registry
from .._dataclass import dataclass

NAME_PREFIX = "_byline_"
"""How every name begins that a template uses for itself."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A parameter list, and the arguments that hand all of it on, as source."""

    names: tuple[str, ...]
    declared: str
    """``a, /, b, *rest, c, **more``: defaults are not part of the source, see ``generate``."""

    passed: str
    """``a, b, *rest, c=c, **more``"""


def parameters_of(code: CodeType) -> Parameters:
    """Read the parameter list of a function's code."""
    positional, keywords = code.co_argcount, code.co_kwonlyargcount
    has_rest, has_more = (
        bool(code.co_flags & inspect.CO_VARARGS),
        bool(code.co_flags & inspect.CO_VARKEYWORDS),
    )
    names = code.co_varnames[: positional + keywords + has_rest + has_more]
    return _parameters(names, positional, code.co_posonlyargcount, keywords, has_rest, has_more)


@functools.cache
def _parameters(  # noqa: PLR0913, PLR0917  # what a code object says of its parameters
    names: tuple[str, ...],
    positional: int,
    positional_only: int,
    keywords: int,
    has_rest: bool,  # noqa: FBT001  # as above
    has_more: bool,  # noqa: FBT001  # as above
) -> Parameters:
    rest_at = positional + keywords
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        # Some other generator made this function. It can still be called.
        rest, more = "arguments", "keywords"
        return Parameters((rest, more), f"*{rest}, **{more}", f"*{rest}, **{more}")
    declared, passed = list(names[:positional]), list(names[:positional])
    if positional_only:
        declared.insert(positional_only, "/")
    if has_rest:
        declared.append(f"*{names[rest_at]}")
        passed.append(f"*{names[rest_at]}")
    elif keywords:
        declared.append("*")
    for name in names[positional:rest_at]:
        declared.append(name)
        passed.append(f"{name}={name}")
    if has_more:
        declared.append(f"**{names[-1]}")
        passed.append(f"**{names[-1]}")
    return Parameters(names, ", ".join(declared), ", ".join(passed))


def generate(function: FunctionType, kind: str, template: str, cells: Mapping[str, CellType]) -> FunctionType:
    """
    Make a function from a template, with the exact parameters and the identity of another.

    All its names are parameters, locals or cells: it needs no globals, so it gets those of
    the function it stands for, by which doctest and others tell where a function belongs.
    The cells may be shared with other functions, so that one assignment reaches all.

    Args:
        kind: What the template does, in one word; tracebacks show it.

        template: Source of one ``def`` with the fields {parameters} and {arguments}.

        cells: Values for the template's free names, by name; ``CONSTANTS`` are none of these.
    """
    code, free = _code(kind, template, parameters_of(function.__code__), tuple(cells))
    made = FunctionType(
        code,
        function.__globals__,
        function.__name__,
        # Not in the source, so that functions with other defaults share one code object.
        function.__defaults__ if code.co_argcount else None,
        tuple([cells[name] for name in free]),
    )
    made.__kwdefaults__ = function.__kwdefaults__ and dict(function.__kwdefaults__)
    functools.update_wrapper(made, function)
    return made


def with_same_cells(made: FunctionType, template: str) -> CodeType:
    """Return code for a function that ``generate`` made, from another template that uses some of the same names."""
    shape = parameters_of(made.__code__)
    names = _names_of(made.__code__, _free_prefix(shape.names))
    # Never reached; a function keeps its cells, so its code must name every one of them.
    unused = f"    ({', '.join(names)},)\n"
    return _code("untimed", template.rstrip() + "\n" + unused, shape, names)[0]


def _names_of(code: CodeType, prefix: str) -> tuple[str, ...]:
    """Return the names of the cells that a function's code wants, as the template spells them."""
    return tuple(NAME_PREFIX + name.removeprefix(prefix) for name in code.co_freevars)


def _free_prefix(names: tuple[str, ...]) -> str:
    """Return a prefix that no parameter has, so that none can be taken for a name of the template."""
    prefix = NAME_PREFIX
    while any(name.startswith(prefix) for name in names):
        prefix = f"_{prefix}"
    return prefix


CONSTANTS: Final = {"clock": perf_counter, "type": type}
"""
What every template can use, by name without the prefix.

They are constants of the code, as numbers are. A cell would be copied into the frame at each
call, and a built-in name would be looked up in the user's module, which may have another of that name.
"""


@functools.cache
def _code(
    kind: str, template: str, shape: Parameters, names: tuple[str, ...]
) -> tuple[CodeType, tuple[str, ...]]:
    """Compile once per shape: functions with equal parameters share their wrapper's code, and the names of its cells."""
    prefix = _free_prefix(shape.names)
    free = ", ".join(prefix + name.removeprefix(NAME_PREFIX) for name in names)
    body = template.replace(NAME_PREFIX, prefix).format(parameters=shape.declared, arguments=shape.passed)
    # A function inside a function: that is what turns the template's free names into cells.
    source = f"def {prefix}factory({free}):\n{textwrap.indent(body.strip(), '    ')}\n"
    filename = f"{_registry.WRAPPER_FILENAME}{kind}({shape.declared})>"
    # The compiler warns of a string that is called, but not of one that a condition chose; it drops the condition.
    compiled = re.sub(rf"\b{prefix}({'|'.join(CONSTANTS)})\b", r'("\g<0>" if 1 else 0)', source)
    factory = _inner_code(compile(compiled, filename, "exec", dont_inherit=True))
    # Tracebacks and debuggers show the line; without a time stamp no check drops the entry.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    code = _inner_code(factory)
    known = {prefix + name: value for name, value in CONSTANTS.items()}
    constants = tuple(known.get(each, each) if isinstance(each, str) else each for each in code.co_consts)
    return code.replace(co_consts=constants), _names_of(code, prefix)


def _inner_code(code: CodeType) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))

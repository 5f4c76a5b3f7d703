"""Generated functions take exactly the arguments of the function they stand for."""

from __future__ import annotations

import inspect
import linecache
import traceback
from types import CellType, FunctionType

import pytest
from hypothesis import given, strategies as st

from byline import _registry
from byline._instrumentation import signature

TEMPLATE = """
def byline_wrapper({parameters}):
    _byline_seen.append(1)
    return _byline_function({arguments})
"""

# Names that a careless generator would trip over: its own, builtins, soft keywords.
NAMES = [
    "a",
    "self",
    "clock",
    "type",
    "BaseException",
    "_byline_function",
    "__byline_seen",
    "match",
    "été",
    "_",
]


def generate(function: FunctionType, template: str = TEMPLATE) -> FunctionType:
    cells = {"_byline_function": CellType(function), "_byline_seen": CellType([])}
    return signature.generate(function, "test", template, cells)


@st.composite
def parameter_lists(draw: st.DrawFn) -> str:
    """Source of a parameter list of any shape."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=7))
    cuts = sorted(draw(st.lists(st.integers(0, len(names)), min_size=2, max_size=2)))
    positional_only, either, keyword_only = names[: cuts[0]], names[cuts[0] : cuts[1]], names[cuts[1] :]
    defaults_from = draw(st.integers(0, cuts[1]))
    declared = [
        f"{name}={index}" if index >= defaults_from else name for index, name in enumerate(names[: cuts[1]])
    ]
    if positional_only:
        declared.insert(len(positional_only), "/")
    rest, more = draw(st.booleans()), draw(st.booleans())
    if rest:
        declared.append("*rest")
    elif keyword_only:
        declared.append("*")
    declared += [f"{name}=None" if draw(st.booleans()) else name for name in keyword_only]
    if more:
        declared.append("**more")
    assert len(names) == len(positional_only) + len(either) + len(keyword_only)
    return ", ".join(declared)


def outcome(function, arguments, keywords):
    try:
        return function(*arguments, **keywords)
    except TypeError as error:
        return str(error).replace("byline_wrapper", "function")


@given(
    parameters=parameter_lists(),
    arguments=st.lists(st.integers(), max_size=8),
    keywords=st.dictionaries(st.sampled_from([*NAMES, "other"]), st.integers(), max_size=4),
)
def test_binds_as_the_original(parameters, arguments, keywords):
    """
    Whatever the parameters are and whatever it is called with, both bind alike or refuse alike.
    """
    namespace: dict[str, FunctionType] = {}
    exec(f"def function({parameters}): return locals()", namespace)  # noqa: S102  # the shape is the test
    original = namespace["function"]

    made = generate(original)

    assert outcome(original, arguments, keywords) == outcome(made, arguments, keywords)
    assert inspect.signature(original) == inspect.signature(made, follow_wrapped=False)


def test_shape_is_compiled_once():
    """
    Functions with equal parameters share one code object, whatever their defaults are.
    """
    one, other = generate(lambda a, b=1: a), generate(lambda a, b=2: b)

    assert one.__code__ is other.__code__
    assert (1, 2) == (one.__defaults__[0], other.__defaults__[0])


def test_keyword_default_is_its_own():
    """
    The generated function has the keyword-only defaults, in a dictionary of its own.
    """
    original = FunctionType((lambda *, a=1: a).__code__, {})
    original.__kwdefaults__ = {"a": 3}

    made = generate(original)

    assert (3, {"a": 3}, False) == (
        made(),
        made.__kwdefaults__,
        made.__kwdefaults__ is original.__kwdefaults__,
    )


def test_globals_are_the_functions():
    """
    doctest and others tell by the globals where a function belongs.
    """
    assert generate(outcome).__globals__ is globals()


def test_traceback_shows_the_generated_line():
    """
    A traceback names the shape and shows the call in it.
    """

    def fail(a, *, b):
        raise ValueError

    with pytest.raises(ValueError, match=r"^$") as caught:
        generate(fail)(1, b=2)

    frame = traceback.extract_tb(caught.value.__traceback__)[1]
    assert ("<byline test(a, *, b)>", "return _byline_function(a, b=b)") == (frame.filename, frame.line)


def test_line_survives_a_check_of_the_cache():
    """
    The source stays known when something asks which files have changed.
    """
    made = generate(outcome)

    linecache.checkcache()

    assert linecache.getlines(made.__code__.co_filename)


def test_code_is_recognised():
    """
    Anything may ask whether a frame is byline's.
    """
    assert (True, False) == (
        _registry.is_wrapper(generate(outcome).__code__),
        _registry.is_wrapper(outcome.__code__),
    )


def test_parameters_that_are_no_names():
    """
    A function with parameters that no source can spell is still called.
    """
    original = FunctionType(
        (lambda a, b=2, **c: (a, b, c)).__code__.replace(co_varnames=("in", ".0", "c")), {}
    )
    original.__defaults__ = (2,)

    made = generate(original)

    assert (1, 2, {"x": 3}) == made(1, x=3)

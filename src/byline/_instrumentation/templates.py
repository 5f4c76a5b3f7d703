"""The source of the wrappers; the names in it are parameters, locals, constants, or cells that wrapper.py fills."""

from __future__ import annotations

from typing import Final

# A call without a span costs two clock reads, a look at the gate and an append. Every cell is
# copied into the frame at each call, so what is rarely needed is behind one: _byline_rare.

FUNCTION: Final = """
def byline_wrapper({parameters}):
    if _byline_gate() is not _byline_quiet:
        _byline_span = _byline_rare.begin()
        if _byline_span is not None:
            _byline_start = _byline_clock()
            try:
                _byline_result = _byline_function({arguments})
            except _byline_rare.BaseException as _byline_exception:
                _byline_kept = _byline_rare.failed(_byline_clock() - _byline_start, _byline_exception, _byline_span)
                raise
            return _byline_rare.returned(_byline_clock() - _byline_start, _byline_result, _byline_span)
    _byline_start = _byline_clock()
    try:
        _byline_result = _byline_function({arguments})
    except _byline_rare.BaseException as _byline_exception:
        _byline_kept = _byline_rare.failed(_byline_clock() - _byline_start, _byline_exception, None)
        raise
    try:
        if (
            _byline_result is not None
            and _byline_type(_byline_result) is not _byline_expected
            and _byline_type(_byline_result) not in _byline_rare.finished
        ):
            return _byline_rare.returned(_byline_clock() - _byline_start, _byline_result, None)
    except _byline_rare.TypeError:  # a class that cannot be hashed, because its metaclass forbids it
        pass
    _byline_samples.append(_byline_clock() - _byline_start)
    return _byline_result
"""

COROUTINE: Final = """
async def byline_wrapper({parameters}):
    _byline_span = None if _byline_gate() is _byline_quiet else _byline_rare.begin()
    _byline_start = _byline_clock()
    try:
        _byline_result = await _byline_function({arguments})
    except _byline_rare.BaseException as _byline_exception:
        _byline_kept = _byline_rare.failed(_byline_clock() - _byline_start, _byline_exception, _byline_span)
        raise
    _byline_spent = _byline_clock() - _byline_start
    _byline_samples.append(_byline_spent)
    if _byline_span is not None:
        _byline_span.finish("", _byline_spent)
    return _byline_result
"""

# What a plain function returned to be awaited is part of its call.

COMPLETION: Final = """
async def byline_wrapper({parameters}):
    _byline_start = _byline_clock() - duration_s
    try:
        if span is not None:
            span.attach()
        _byline_result = await pending
    except rare.BaseException as _byline_exception:
        _byline_kept = rare.failed(_byline_clock() - _byline_start, _byline_exception, span)
        raise
    rare.done(_byline_clock() - _byline_start, span)
    return _byline_result
"""

# Generators are timed by the time spent inside them: each step by itself, with the context
# attached for that step only. What is sent or thrown in, also by close(), reaches the
# generator as it came. The frame must not keep an exception alive that has left it.

GENERATOR: Final = """
def byline_wrapper({parameters}):
    _byline_generator = _byline_function({arguments})
    _byline_span = None if _byline_gate() is _byline_quiet else _byline_rare.begin(attached=False)
    _byline_step, _byline_value = _byline_generator.send, None
    _byline_spent = 0.0
    try:
        while True:
            if _byline_span is not None:
                _byline_span.attach()
            _byline_start = _byline_clock()
            try:
                _byline_value = _byline_step(_byline_value)
            finally:
                _byline_spent += _byline_clock() - _byline_start
                if _byline_span is not None:
                    _byline_span.detach()
            try:
                _byline_value = yield _byline_value
            except _byline_rare.BaseException as _byline_exception:
                _byline_step, _byline_value = _byline_generator.throw, _byline_exception
            else:
                _byline_step = _byline_generator.send
    except _byline_rare.StopIteration as _byline_exception:
        _byline_value = None
        _byline_samples.append(_byline_spent)
        if _byline_span is not None:
            _byline_span.finish("", _byline_spent)
        return _byline_exception.value
    except _byline_rare.BaseException as _byline_exception:
        _byline_value = None
        _byline_kept = _byline_rare.failed(_byline_spent, _byline_exception, _byline_span)
        raise
"""

ASYNC_GENERATOR: Final = """
async def byline_wrapper({parameters}):
    _byline_generator = _byline_function({arguments})
    _byline_span = None if _byline_gate() is _byline_quiet else _byline_rare.begin(attached=False)
    _byline_step = _byline_rare.first(_byline_generator)
    _byline_spent = 0.0
    try:
        while True:
            if _byline_span is not None:
                _byline_span.attach()
            _byline_start = _byline_clock()
            try:
                _byline_value = await _byline_step
            finally:
                _byline_spent += _byline_clock() - _byline_start
                if _byline_span is not None:
                    _byline_span.detach()
            try:
                _byline_value = yield _byline_value
            except _byline_rare.BaseException as _byline_exception:
                _byline_step = _byline_generator.athrow(_byline_exception)
            else:
                _byline_step = _byline_generator.asend(_byline_value)
            _byline_value = None
    except _byline_rare.StopAsyncIteration:
        _byline_samples.append(_byline_spent)
        if _byline_span is not None:
            _byline_span.finish("", _byline_spent)
    except _byline_rare.BaseException as _byline_exception:
        _byline_step = None
        _byline_kept = _byline_rare.failed(_byline_spent, _byline_exception, _byline_span)
        raise
"""

# What is left of a wrapper above BYLINE_MAX_RATE. A try costs nothing until something is raised.

CAPPED: Final = {
    "function": """
def byline_wrapper({parameters}):
    try:
        return _byline_function({arguments})
    except _byline_rare.BaseException as _byline_exception:
        _byline_kept = _byline_rare.failed(0.0, _byline_exception, None)
        raise
""",
    "coroutine": """
async def byline_wrapper({parameters}):
    try:
        return await _byline_function({arguments})
    except _byline_rare.BaseException as _byline_exception:
        _byline_kept = _byline_rare.failed(0.0, _byline_exception, None)
        raise
""",
}

"""Small programs that handle an exception, each with what is to be found of it: handled how, in what kind of function, told how."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

PRELUDE = """
import asyncio, contextlib, logging, sys, traceback, warnings
from concurrent.futures import Future
import loguru, sentry_sdk, structlog
from opentelemetry import trace
from byline import ai_generated

log = logging.getLogger("shop")
quiet = logging.getLogger("shop.quiet")
quiet.setLevel(logging.CRITICAL)
calls = 0

def boom():
    raise ValueError("the carrier hung up")

def flaky(times):
    global calls
    calls += 1
    if calls <= times:
        boom()
    return calls

async def pause():
    await asyncio.sleep(0)

def helper(error):
    log.error("it failed: %s", error)

def deeper():
    helper(None)

class Guard:
    def __init__(self, told):
        self.told = told
    def __enter__(self):
        return self
    def __exit__(self, kind, error, traceback):
        if self.told:
            log.error("guarded")
        return True
    async def __aenter__(self):
        return self
    async def __aexit__(self, *details):
        return self.__exit__(*details)

"""

KINDS = {
    "function": ("@ai_generated\ndef target():\n{body}\n", "target()"),
    "method": ("class Shop:\n    @ai_generated\n    def target(self):\n{indented}\n", "Shop().target()"),
    "async": ("@ai_generated\nasync def target():\n    await pause()\n{body}\n", "asyncio.run(target())"),
    "generator": ("@ai_generated\ndef target():\n    yield 0\n{body}\n", "list(target())"),
    "async generator": (
        "@ai_generated\nasync def target():\n    yield 0\n    await pause()\n{body}\n",
        "asyncio.run(anext_all(target()))",
    ),
}

RUNNERS = """
async def anext_all(generator):
    return [each async for each in generator]
"""


@dataclass(frozen=True)
class Program:
    """A program; ``# here`` is at the line of the handler of each finding, in order."""

    name: str
    source: str
    call: str
    expected: tuple[tuple[str, str, str], ...]
    """Handling, exception type and returned type of each finding; empty for none."""

    @property
    def lines(self) -> list[int]:
        """Lines of the handlers that are to be found."""
        return [number for number, line in enumerate(self.source.splitlines(), 1) if "# here" in line]


def program(name: str, kind: str, body: str, *expected: tuple[str, str, str]) -> Program:
    """Write a program of a kind."""
    head, call = KINDS[kind]
    text = textwrap.dedent(body).strip()
    if kind == "async generator":
        text = text.replace("return ", "yield ")
        # What it yields is wrapped by the interpreter.
        expected = tuple((*each[:2], each[2] if each[2] == "NoneType" else "") for each in expected)
    source = head.format(body=textwrap.indent(text, " " * 4), indented=textwrap.indent(text, " " * 8))
    return Program(f"{kind}: {name}", PRELUDE + RUNNERS + source, call, expected)


TOLD = {
    # What a handler does, and what that makes of the exception.
    "nothing": ("pass", "silent"),
    "a comment and a constant": ("value = 1", "silent"),
    "a debug line nobody wants": ('quiet.debug("x")', "silent"),
    "an info line": ('log.info("x")', "weak"),
    "a warning": ('log.warning("it failed: %s", error)', "weak"),
    "a print": ("print(error)", "weak"),
    "an error line": ('log.error("it failed")', "logged"),
    "log.exception": ('log.exception("it failed")', "logged"),
    "a warning with traceback": ('log.warning("it failed", exc_info=True)', "logged"),
    "print_exc": ("traceback.print_exc()", "logged"),
    "a helper that logs": ("deeper()", "logged"),
    "structlog, an error": ("structlog.get_logger().error('it failed')", "logged"),
    "structlog, a warning": ("structlog.get_logger().warning('it failed')", "weak"),
    "loguru, an exception": ("loguru.logger.exception('it failed')", "logged"),
    "loguru, a line": ("loguru.logger.info('it failed')", "weak"),
    "sentry": ("sentry_sdk.capture_exception(error)", "reported"),
    "the span": ("trace.get_current_span().record_exception(error)", "reported"),
}

CATCH = """
try:
    boom()
except ValueError as error:  # here
    {told}
return {{}}
"""

OTHERS = [
    # name, kinds, body, expected
    ("re-raised", "*", "try:\n    boom()\nexcept ValueError:\n    log.info('x')\n    raise\n", ()),
    ("re-raised by name", "*", "try:\n    boom()\nexcept ValueError as error:\n    raise error\n", ()),
    ("translated", "*", "try:\n    boom()\nexcept ValueError as error:\n    raise KeyError('x') from error\n", ()),
    ("translated without cause", "function", "try:\n    boom()\nexcept ValueError:\n    raise KeyError('x') from None\n", ()),
    ("raised later", "*", "last = None\ntry:\n    boom()\nexcept ValueError as error:\n    last = error\nif last:\n    raise last\n", ()),
    ("raised in a group", "function", "errors = []\ntry:\n    boom()\nexcept ValueError as error:\n    errors.append(error)\nraise ExceptionGroup('all', errors)\n", ()),
    ("a mistake in the handler", "function", "try:\n    boom()\nexcept ValueError:\n    missing_name\n", ()),
    ("one line", "*", "try: boom()\nexcept: pass  # here\n", (("silent", "ValueError", "NoneType"),)),
    ("returned on one line", "function", "try: boom()\nexcept Exception: return []  # here\n", (("silent", "ValueError", "list"),)),
    ("finally that returns", "function", "try:\n    boom()\nfinally:\n    return 3  # here\n", (("silent", "ValueError", "int"),)),
    ("finally that does not", "function", "try:\n    boom()\nfinally:\n    calls\n", ()),
    ("finally around a handler", "function", "try:\n    try:\n        boom()\n    finally:\n        calls\nexcept ValueError:  # here\n    pass\n", (("silent", "ValueError", "NoneType"),)),
    ("suppress", "function method async generator", "with contextlib.suppress(ValueError):  # here\n    boom()\nreturn 1\n", (("silent", "ValueError", "int"),)),
    ("a guard that tells", "function async", "with Guard(True):  # here\n    boom()\nreturn 'x'\n", (("logged", "ValueError", "str"),)),
    ("an async guard", "async", "async with Guard(False):  # here\n    boom()\nreturn 'x'\n", (("silent", "ValueError", "str"),)),
    ("an exit stack", "function", "with contextlib.ExitStack() as stack:  # here\n    stack.enter_context(Guard(False))\n    boom()\nreturn 1\n", (("silent", "ValueError", "int"),)),
    ("a with that lets through", "function", "with contextlib.nullcontext():\n    boom()\n", ()),
    ("a clause that does not match", "function", "try:\n    boom()\nexcept KeyError:\n    pass\n", ()),
    ("the second clause", "*", "try:\n    boom()\nexcept KeyError:\n    pass\nexcept (TypeError, ValueError):  # here\n    pass\n", (("silent", "ValueError", "NoneType"),)),
    ("nested, the inner one", "function async", "try:\n    try:\n        boom()\n    except ValueError:  # here\n        pass\n    boom()\nexcept ValueError:  # here\n    log.error('x')\n", (("silent", "ValueError", "NoneType"), ("logged", "ValueError", "NoneType"))),
    ("nested, passed to the outer one", "function async", "try:\n    try:\n        boom()\n    except ValueError:\n        raise\nexcept ValueError:  # here\n    pass\n", (("silent", "ValueError", "NoneType"),)),
    ("a handler in a handler", "function", "try:\n    boom()\nexcept ValueError:  # here\n    try:\n        [][1]\n    except Exception:  # here\n        log.exception('both')\n", (("logged", "ValueError", "NoneType"), ("logged", "IndexError", "NoneType"))),
    ("only the inner one told", "function", "try:\n    boom()\nexcept ValueError:  # here\n    try:\n        [][1]\n    except Exception:  # here\n        log.error('the second')\n", (("silent", "ValueError", "NoneType"), ("logged", "IndexError", "NoneType"))),
    ("a group, in part", "function async", "try:\n    raise ExceptionGroup('all', [ValueError(1), TypeError(2)])\nexcept* ValueError:  # here\n    pass\nexcept* TypeError:  # here\n    log.error('x')\n", (("silent", "ValueError", "NoneType"), ("logged", "TypeError", "NoneType"))),
    ("a group, the rest goes on", "function", "try:\n    raise ExceptionGroup('all', [ValueError(1), TypeError(2)])\nexcept* ValueError:  # here\n    pass\n", (("silent", "ValueError", ""),)),
    ("a group, raised again", "function", "try:\n    raise ExceptionGroup('all', [ValueError(1)])\nexcept* ValueError:\n    raise\n", ()),
    ("tried again, worked", "function async", "for attempt in range(3):\n    try:\n        return flaky(2)\n    except ValueError:  # here\n        pass\n", (("retried", "ValueError", "int"),)),
    ("tried again, with else", "function", "for attempt in range(3):\n    try:\n        value = flaky(1)\n    except ValueError:  # here\n        continue\n    else:\n        break\nreturn value\n", (("retried", "ValueError", "int"),)),
    ("tried again in vain, silently", "function async", "for attempt in range(3):\n    try:\n        return flaky(5)\n    except ValueError:  # here\n        pass\n", (("silent", "ValueError", "NoneType"),)),
    ("tried again in vain, raised", "function async", "for attempt in range(3):\n    try:\n        return flaky(5)\n    except ValueError as error:\n        last = error\nraise last\n", ()),
    ("a loop that skips", "function async", "for each in range(3):\n    try:\n        flaky(2)\n    except ValueError:  # here\n        continue\n", (("silent", "ValueError", "NoneType"),)),
    ("returned as a value", "function async", "try:\n    boom()\nexcept ValueError as error:\n    return error\n", ()),
    ("returned beside a value", "function", "try:\n    boom()\nexcept ValueError as error:\n    return None, error\n", ()),
    ("told in the answer", "function async", "try:\n    boom()\nexcept ValueError as error:\n    return {'ok': False, 'error': f'failed: {error}'}\n", ()),
    ("given to a future", "function", "future = Future()\ntry:\n    boom()\nexcept ValueError as error:\n    future.set_exception(error)\n", ()),
    ("logged after the handler", "function async", "last = None\ntry:\n    boom()\nexcept ValueError as error:  # here\n    last = error\nif last:\n    log.error('failed: %s', last)\n", (("logged", "ValueError", "NoneType"),)),
    ("a log that has nothing to do with it", "*", "try:\n    boom()\nexcept ValueError:  # here\n    pass\nlog.error('the order is late')\n", (("silent", "ValueError", "NoneType"),)),
    ("its text logged later", "function", "said = ''\ntry:\n    boom()\nexcept ValueError as error:  # here\n    said = str(error)\nif said:\n    log.warning(f'failed: {said}')\n", (("weak", "ValueError", "NoneType"),)),
    ("another failure later", "function", "data = None\ntry:\n    boom()\nexcept ValueError:  # here\n    pass\nreturn data['x']\n", (("silent", "ValueError", ""),)),
    ("warnings", "function", "try:\n    boom()\nexcept ValueError as error:  # here\n    with warnings.catch_warnings():\n        warnings.simplefilter('always')\n        warnings.warn(str(error))\n", (("weak", "ValueError", "NoneType"),)),
    ("yielded instead", "generator", "try:\n    boom()\nexcept ValueError:  # here\n    yield 2.5\n", (("silent", "ValueError", "float"),)),
    ("a lookup", "*", "try:\n    return {}['x']\nexcept KeyError:  # here\n    return 0\n", (("expected", "KeyError", ""),)),
    ("a lookup in the environment", "function", "import os\ntry:\n    return os.environ['NO_SUCH_NAME']\nexcept KeyError:  # here\n    return 0\n", (("expected", "KeyError", ""),)),
    ("an attribute", "function", "try:\n    return calls.missing\nexcept AttributeError:  # here\n    return 0\n", (("expected", "AttributeError", ""),)),
    ("the end of an iterator", "function", "try:\n    return next(iter(()))\nexcept StopIteration:  # here\n    return 0\n", (("expected", "StopIteration", ""),)),
    ("suppress of a lookup", "function", "with contextlib.suppress(KeyError):  # here\n    {}['x']\nreturn 1\n", (("expected", "KeyError", ""),)),
    ("a lookup caught broadly", "function", "try:\n    return {}['x']\nexcept Exception:  # here\n    return 0\n", (("silent", "KeyError", "int"),)),
    ("a lookup from deep inside", "function", "def find():\n    return {}['x']\ntry:\n    return find()\nexcept KeyError:  # here\n    return 0\n", (("silent", "KeyError", "int"),)),
    ("a function inside", "function", "def inner():\n    try:\n        boom()\n    except ValueError:  # here\n        return ()\nreturn inner()\n", (("silent", "ValueError", "tuple"),)),
    ("in an awaited step", "async", "try:\n    await asyncio.wait_for(asyncio.sleep(5), 0.001)\nexcept TimeoutError:  # here\n    return None\n", (("silent", "TimeoutError", "NoneType"),)),
    ("told while waiting", "async", "try:\n    boom()\nexcept ValueError:  # here\n    await pause()\n    log.error('x')\n    await pause()\nreturn 1\n", (("logged", "ValueError", "int"),)),
    ("cancelled, by name", "async", "task = asyncio.ensure_future(asyncio.sleep(5))\ntask.cancel()\ntry:\n    await task\nexcept asyncio.CancelledError:  # here\n    pass\n", (("expected", "asyncio.exceptions.CancelledError", ""),)),
    ("cancelled, by anything", "async", "task = asyncio.ensure_future(asyncio.sleep(5))\ntask.cancel()\ntry:\n    await task\nexcept BaseException:  # here\n    pass\n", (("silent", "asyncio.exceptions.CancelledError", "NoneType"),)),
    ("no exception at all", "*", "try:\n    calls\nexcept ValueError:\n    pass\n", ()),
]  # fmt: skip


def programs() -> Iterator[Program]:
    """Yield all programs."""
    for kind in KINDS:
        for name, (told, handling) in TOLD.items():
            returned = "dict"
            yield program(name, kind, CATCH.format(told=told), (handling, "ValueError", returned))
    for name, kinds, body, expected in OTHERS:
        for kind in KINDS if kinds == "*" else [each for each in KINDS if each in kinds]:
            yield program(name, kind, body, *expected)

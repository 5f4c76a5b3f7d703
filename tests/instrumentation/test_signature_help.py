"""Tools that read programs, Sphinx and the signature help of editors, see marked functions as unmarked ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jedi
import pytest

SOURCE = Path(__file__).with_name("twins.py")
MARKED_LINE = "    return byline.ai_generated(tool='claude')(target)"
HERE = '''
@byline.ai_generated(tool="claude")
def total(a: int, /, *rest: int, b: str = "x", **more: int) -> float:
    """Add up."""
    return 1.0


@byline.ai_generated
async def fetch(a: int, *, b: "list[int] | None" = None) -> bytes:
    """Get it."""
    return b""


@byline.ai_generated
class Cart:
    """Holds things."""

    def __init__(self, owner: str) -> None:
        """Begin."""

    def add(self, thing: str, number: int = 1) -> "Cart":
        """Put something in."""
        return self

    @staticmethod
    @byline.ai_generated
    def empty(size: int) -> "Cart":
        """Make one."""
        return Cart("")
'''
UNMARKED = "\n".join(each for each in HERE.splitlines() if "@byline" not in each)


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    """What jedi keeps of what it parsed is not shared with other processes: it writes it in place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jedi.settings, "cache_directory", tmp_path_factory.mktemp("jedi"))
        yield


def test_autodoc(tmp_path):
    """
    Sphinx's autodoc writes the same about every kind of callable: signature, hints and text; and warns of nothing.
    """
    text = SOURCE.read_text()
    marked = text.replace("    return target", MARKED_LINE, 1).replace(
        "import types", "import types, byline", 1
    )
    for name, source in {"twin_plain": text, "twin_marks": marked}.items():
        (tmp_path / f"{name}.py").write_text(source)
        (tmp_path / f"{name}.rst").write_text(f"{name}\n==========\n\n.. automodule:: {name}\n   :members:\n")
    (tmp_path / "index.rst").write_text("Twins\n=====\n\n.. toctree::\n\n   twin_plain\n   twin_marks\n")

    done = subprocess.run(
        [
            sys.executable, "-m", "sphinx", "-C", "-Q", "-W", "-b", "text", "-D", "extensions=sphinx.ext.autodoc",
            "-D", "autodoc_typehints=both", str(tmp_path), str(tmp_path / "built"),
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    plain, marks = ((tmp_path / "built" / f"{name}.txt").read_text() for name in ("twin_plain", "twin_marks"))
    assert "Take every kind of parameter." in plain
    assert plain == marks.replace("twin_marks", "twin_plain")


CALLS = ["total(", "fetch(", "Cart(", "Cart('').add(", "Cart.empty("]


def told(found) -> list[tuple[str, str]]:
    return [(each.to_string(), each.docstring(raw=True)) for each in found]


@pytest.mark.parametrize("call", CALLS)
def test_signature_help_of_an_editor(call):
    """
    Who types a call sees the function's own parameters, hints and text, though nothing is imported.
    """
    bare, marked = (
        told(jedi.Script(f"{source}\n{call}").get_signatures())
        for source in (UNMARKED, f"import byline\n{HERE}")
    )

    assert bare
    assert bare == marked


@pytest.mark.parametrize("call", CALLS)
def test_signature_help_of_a_shell(call):
    """
    So it is where functions are alive, as in IPython.
    """
    spaces = [{}, {}]
    exec(UNMARKED, spaces[0])  # noqa: S102  # ours
    exec(f"import byline\n{HERE}", spaces[1])  # noqa: S102  # ours

    bare, marked = (told(jedi.Interpreter(call, [space]).get_signatures()) for space in spaces)

    assert bare
    assert bare == marked

"""The import hook: the mark goes innermost, and everything else stays as it was."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
import textwrap
import traceback
from pathlib import Path

import pytest

from byline import _registry
from byline._instrumentation import import_hook, imported, lookup
from byline._manifest import FileRecord, FunctionRecord, Header, LineRun, Manifest, blob_id, render, text_hash
from byline._model import Attribution, Commit, Evidence, Function

AI = "a" * 40
EVIDENCE = Evidence("ai", "trailer", "claude", "medium")

SOURCE = textwrap.dedent(
    '''\
    """Module text."""
    from __future__ import annotations

    ROUTES = {}


    def route(function):
        ROUTES[function.__name__] = function
        return function


    @route
    def handler(a: int, b=2):
        """Text."""
        return a / b


    alias = handler


    class Shop:
        @staticmethod
        def open(x):
            return x

        @property
        def name(self):
            return "shop"


    def human(x):
        return x
    '''
)
NAMES = {"handler": (12, 13, 15), "Shop.open": (22, 23, 24), "Shop.name": (26, 27, 28)}


def manifest_of(source: str, names: dict[str, tuple[int, int, int]], path: str = "routes.py") -> Manifest:
    lines = source.encode().split(b"\n")
    functions = []
    for qualname, (first, line, end) in names.items():
        attribution = Attribution(
            "ai", "medium", "ok", AI, AI, "Ben", "claude", evidence="trailer", ai_lines=2, lines=2
        )
        where = Function("routes", qualname, path, first, line, end)
        functions.append(FunctionRecord(where, attribution, text_hash(lines[first - 1 : end])))
    record = FileRecord(
        path, "routes", blob_id(source.encode()).hex(), tuple(functions), (LineRun(len(lines), AI, EVIDENCE),)
    )
    data = render(Header("c" * 40), [record], {AI: Commit(AI, "Add", 1, "Ben", "Ben")})
    return Manifest.load(data, Path("m"))


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Import a module under the hook."""
    monkeypatch.syspath_prepend(tmp_path)
    finders = []

    def _load(source: str = SOURCE, written: str | None = None):
        (tmp_path / "routes.py").write_text(written or source)
        manifest = manifest_of(source, NAMES)
        lookup.use(manifest)
        finders.append(import_hook.install(manifest))
        importlib.invalidate_caches()
        return importlib.import_module("routes")

    yield _load
    for finder in finders:
        import_hook.remove(finder)
    sys.modules.pop("routes", None)
    lookup.reset()
    _registry.clear()
    assert [] == [each for each in sys.meta_path if isinstance(each, import_hook.Finder)]


def is_measured(function) -> bool:
    return _registry.is_wrapper(function.__code__)


def test_every_reference_is_measured(load):
    """
    A route table, an alias and a class attribute keep the measured function.
    """
    module = load()

    found = [module.handler, module.alias, module.ROUTES["handler"], module.Shop.open, module.Shop.name.fget]

    assert [True] * 5 == [is_measured(each) for each in found]


def test_another_tool_stands_in_for_the_finder(load, monkeypatch):
    """
    A tool that times imports puts itself in the place of each finder and asks it; ours asks all others, that tool too.
    """

    class Timed:
        def __init__(self, finder):
            self._finder = finder

        def find_spec(self, *words):
            return self._finder.find_spec(*words)

    def install_and_wrap(manifest, install=import_hook.install):
        finder = install(manifest)
        sys.meta_path[:] = [Timed(each) for each in sys.meta_path]
        return finder

    monkeypatch.setattr(import_hook, "install", install_and_wrap)
    before = sys.meta_path[:]
    try:
        assert is_measured(load().handler)
    finally:
        sys.meta_path[:] = before


def test_other_functions_are_left_alone(load):
    """
    A function the manifest does not name is the function itself.
    """
    assert not is_measured(load().human)


def test_module_looks_the_same(load):
    """
    Source, signature, text and names of the module are the user's.
    """
    module = load()

    assert "def handler(a: int, b=2):" in inspect.getsource(module.handler)
    assert "(a: 'int', b=2)" == str(inspect.signature(module.handler))
    assert ("Module text.", "Text.") == (module.__doc__, module.handler.__doc__)
    assert [] == [name for name in vars(module) if "byline" in name]


def test_traceback_shows_the_users_line(load):
    """
    The frame that raised is the user's function at the user's line.
    """
    module = load()

    with pytest.raises(ZeroDivisionError) as caught:
        module.handler(1, 0)

    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (module.__file__, 15, "handler") == (last.filename, last.lineno, last.name)


def test_changed_file_measures_what_is_still_the_same(load):
    """
    In a file that changed after the scan, an unchanged function is measured, a changed one is not.
    """
    changed = "# new first line\n" + SOURCE.replace('return "shop"', 'return "store"')

    module = load(written=changed)

    assert [True, False] == [is_measured(module.handler), is_measured(module.Shop.name.fget)]


def test_another_file_of_that_name_is_left_alone(load):
    """
    A module that merely has the name of a scanned one runs as Python would run it.
    """
    assert not is_measured(load(written="def handler(a):\n    return a\n").handler)


def test_syntax_error_is_pythons_own(load, tmp_path):
    """
    A module that does not compile raises what it would raise without byline.
    """
    with pytest.raises(SyntaxError) as caught:
        load(written="def handler(:\n")

    assert (str(tmp_path / "routes.py"), 1) == (caught.value.filename, caught.value.lineno)


def test_module_that_cannot_be_marked_still_imports(load, monkeypatch, caplog):
    """
    When marking fails, the module imports unmeasured, and doctor is told.
    """

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(import_hook, "marked_code", fail)

    module = load()

    assert not is_measured(module.handler)
    assert ("routes", "could not be marked: no") in [
        (each.subject, each.reason) for each in lookup.unverified()
    ]


def test_imported_before(load, tmp_path):
    """
    A module that was imported earlier is wrapped in place, and that is said.
    """
    module = load(written="# changed\n")
    (tmp_path / "routes.py").write_text(SOURCE)
    for finder in [each for each in sys.meta_path if isinstance(each, import_hook.Finder)]:
        import_hook.remove(finder)
    lookup.reset()
    _registry.clear()
    module = importlib.reload(module)
    manifest = manifest_of(SOURCE, NAMES)
    lookup.use(manifest)

    count = imported.mark_imported(manifest)

    measured = [
        module.handler,
        module.alias,
        module.ROUTES["handler"],
        module.Shop.open,
        module.Shop.name.fget,
    ]
    assert (4, [True, True, False, True, True]) == (count, [is_measured(each) for each in measured])
    assert any("imported before" in each.reason for each in lookup.unverified())


RUN_AS_MAIN = """
def answer():
    return 42


if __name__ == "__main__":
    print(__name__, answer(), answer.__code__.co_filename, __file__, __spec__)
"""


@pytest.mark.parametrize("words", [["main_one.py"], ["-m", "main_one"]], ids=["script", "module"])
def test_main_module_is_marked(tmp_path, words):
    """
    The program's own main module is measured, as a script and as a module.
    """
    (tmp_path / "main_one.py").write_text(RUN_AS_MAIN)
    manifest = manifest_of(RUN_AS_MAIN, {"answer": (2, 2, 3)}, "main_one.py")
    record = next(manifest.files())
    assert record is not None
    data = render(
        Header("c" * 40),
        [
            FileRecord(
                "main_one.py",
                "main_one",
                blob_id(RUN_AS_MAIN.encode()).hex(),
                tuple(FunctionRecord(function, attribution) for function, attribution in record.functions()),
                (LineRun(8, AI, EVIDENCE),),
            )
        ],
        {AI: Commit(AI, "Add", 1, "Ben", "Ben")},
    )
    (tmp_path / "byline.manifest").write_bytes(data)

    done = subprocess.run(
        [sys.executable, "-m", "byline._instrumentation.runner", *words],
        cwd=tmp_path, env={**os.environ, "BYLINE_MANIFEST": "byline.manifest"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.startswith("__main__ 42 <byline ")

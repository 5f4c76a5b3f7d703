"""Every slug, setting, command and name is documented, and every example is real."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

import byline
from byline import _config, _semconv, exceptions, otel, sentry, store, testing
from byline._attribution.resolve import PRECEDENCE
from byline._attribution.settings import ScanSettings
from byline._cli.main import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), ROOT / "changelog" / "README.md"]

STALE = "the reference is generated from the code; write it again: nox -s docs -- write"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not here")


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def blocks(page: Path, *languages: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each code block in a language."""
    found = re.finditer(r"^```(\S+)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for block in found:
        if block[1] in languages:
            line = page.read_text("utf-8")[: block.start()].count("\n") + 2
            yield line, block[2]


def each_block(*languages: str) -> list[object]:
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}:{line}")
        for page in PAGES
        for line, text in blocks(page, *languages)
    ]


def all_commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from all_commands(found, *path, name)


def test_every_slug_is_explained():
    """
    docs/messages.md has a heading per error, with meaning, cause, cure and how to silence it.
    """
    slugs = [
        each.slug
        for each in vars(exceptions).values()
        if inspect.isclass(each) and issubclass(each, byline.BylineError)
    ]
    text = text_of("messages.md")
    sections = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL))

    assert sorted(slugs) == sorted(sections)
    for section in sections.values():
        assert ["Meaning", "Cause", "Cure", "Silence"] == re.findall(
            r"^\*\*(\w+)\.\*\*", section, re.MULTILINE
        )


def test_every_variable_is_documented():
    """
    docs/reference/configuration.md has a row per BYLINE_* variable.
    """
    documented = re.findall(r"^\| `(BYLINE_\w+)`", text_of("reference/configuration.md"), re.MULTILINE)

    own = [f"BYLINE_{name.upper()}" for name in _config._variables()]
    assert [*own, *_config.OF_THE_DESK] == documented, STALE


def test_every_repository_setting_is_documented():
    """
    docs/reference/configuration.md has a row per key of [tool.byline].
    """
    documented = re.findall(r"^\| `([a-z_]+)` \|", text_of("reference/configuration.md"), re.MULTILINE)

    assert [each.name for each in fields(ScanSettings)] == documented, STALE


def test_every_name_is_documented():
    """
    docs/reference/semconv.md has a row per attribute, metric and event.
    """
    names = {
        value
        for constant, value in vars(_semconv).items()
        if constant.isupper()
        and isinstance(value, str)
        and constant not in {"SCOPE", "CANCELLED", "SWALLOWED"}
    }
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", text_of("reference/semconv.md"), re.MULTILINE))

    assert set() == names - documented, STALE


def test_every_command_is_documented():
    """
    docs/reference/cli.md has a heading per command, in the order of byline --help.
    """
    documented = [
        each.removeprefix("byline ") for each in headings(text_of("reference/cli.md")) if "byline " in each
    ]
    wanted = [" ".join(path) for path in all_commands(main)]

    assert wanted == [each for each in documented if each in wanted], STALE


@pytest.mark.parametrize("module", [byline, otel, sentry, store, testing], ids=lambda module: module.__name__)
def test_everything_public_is_documented(module):
    """
    docs/reference/api.md has an entry per name that a public module offers.
    """
    text = text_of("reference/api.md").partition(f"## {module.__name__}\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\.\. auto(?:function|class) *:: (\w+)$", text, re.MULTILINE)
    constants = {name for name in module.__all__ if name.isupper()}

    assert set(module.__all__) - constants - {"BylineError"} == set(documented)


def test_every_source_of_evidence_is_documented():
    """
    docs/explanation/attribution.md has a row per source of evidence, strongest first.
    """
    rows = re.findall(r"^\| `([a-z-]+)` \|", text_of("explanation/attribution.md"), re.MULTILINE)

    assert list(PRECEDENCE) == rows


@pytest.mark.parametrize("text", each_block("python"))
def test_example_is_python(text):
    """
    An example in Python compiles, and takes from byline what byline has.
    """
    tree = ast.parse(text)
    taken = [
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "byline"
        for name in node.names
    ]

    for module, name in taken:
        assert hasattr(__import__(str(module), fromlist=[name]), name)


@pytest.mark.parametrize("text", each_block("console"))
def test_example_is_a_command(text):
    """
    A byline command in an example has a name and options that exist.
    """
    for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
        for part in re.split(r"\s[|>&]+\s", line):
            words = shlex.split(part, comments=True)
            if words[:1] == ["byline"] and len(words) > 1:
                parse(main, words[1:])


def parse(command: click.Command, words: list[str]) -> None:
    context = click.Context(command, info_name="byline")
    if isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, list(words))
        assert found is not None, name
        parse(found, rest)
    elif "--help" not in words:
        command.make_context("byline", list(words), resilient_parsing=False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_one_sentence_per_line(page):
    """
    A line of prose holds one sentence, so that a change shows as one line.
    """
    prose = re.sub(r"^(```+|<!--).*?^(\1|.*-->)", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    crowded = [
        line
        for line in prose.splitlines()
        if re.search(r"[a-z`)][.!?] [A-Z`]", line) and line[0] not in "|*-1234567890"
    ]

    assert [] == crowded


def test_readme_comes_to_the_point():
    """
    The README has at most sixty words before its first code, and at most four badges.
    """
    text = (ROOT / "README.md").read_text("utf-8")
    before = re.sub(r"\[!\[.*", "", text.partition("```")[0])

    assert len(before.split()) <= 60
    assert text.count("[![") <= 4


def test_make_tells_what_it_can_do():
    """
    ``make`` alone names each target that somebody may run.
    """
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=False, env=alone)

    assert (0, "") == (done.returncode, done.stderr)
    for target in ("demo", "test", "servers", "coverage", "stack", "bench", "clean"):
        assert f"make {target} " in done.stdout

"""Every query of boards, rules and docs is one in its language, by the grammars that Grafana's own editors use."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from byline._grafana import files

from .grafana import Board, filled
from .nodejs import ENVIRONMENT, NODE, NPM

pytestmark = pytest.mark.server

PACKAGES = {
    "promql": ("@prometheus-io/lezer-promql", "0.315.0"),
    "logql": ("@grafana/lezer-logql", "0.4.2"),
    "traceql": ("@grafana/lezer-traceql", "1.0.0"),
}
LANGUAGES = {"prometheus": "promql", "loki": "logql", "tempo": "traceql"}

PARSE = """\
import { readFileSync } from 'node:fs';

const parsers = {};
for (const [language, name] of Object.entries(JSON.parse(process.argv[2]))) {
  parsers[language] = (await import(name)).parser;
}
const wrong = JSON.parse(readFileSync(0)).filter(([, language, query]) => {
  let errors = 0;
  parsers[language].parse(query).iterate({ enter: (node) => { errors += node.type.isError; } });
  return errors;
});
console.log(JSON.stringify(wrong.map(([name]) => name)));
"""

CHOSEN = {
    "service_label": "job", "service": ".+", "commit": "a" * 40, "author": ".*", "tool": ".*",
    "function": "(shop\\\\.quote|shop\\\\.weigh)",
}  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs/how-to"

MISTAKES = {
    "promql": "sum by (le (rate(byline_incidents_total[5m]))",
    "logql": '{service_name=~".+"} | byline_commit=abc',
    "traceql": "{ span.byline.commit = }",
}


def queries() -> Iterator[tuple[str, str, str]]:
    """List what is asked: where it stands, its language, and its text."""
    for path in sorted(files.GENERATED.rglob("*.json")):
        board = Board(path)
        for source, language in LANGUAGES.items():
            for query in board.queries(source):
                yield (
                    f"{path.parts[-3]} {path.stem}: {query.panel}",
                    language,
                    filled(query.expression, CHOSEN),
                )
    for path in sorted(files.GENERATED.rglob("rules/*.yaml")):
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                yield f"{path.parts[-3]} rules: {rule.get('alert') or rule['record']}", "promql", rule["expr"]
    for language, title, query in re.findall(
        r"^\| (PromQL|LogQL|TraceQL), ([^|]+) \| `(.+)` \|$",
        (DOCS / "grafana.md").read_text("utf-8"),
        re.MULTILINE,
    ):
        yield f"docs: {language} {title}", language.lower(), query.replace("\\|", "|")


QUERIES = list(queries())


@pytest.fixture(scope="module")
def wrong(tmp_path_factory) -> set[str]:
    """Where the queries and the mistakes stand that their grammars do not take."""
    folder = tmp_path_factory.mktemp("languages")
    names = [f"{name}@{version}" for name, version in PACKAGES.values()]
    subprocess.run(
        [NODE, NPM, "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", *names],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (folder / "parse.mjs").write_text(PARSE)
    mistakes = [(f"mistake: {language}", language, query) for language, query in MISTAKES.items()]
    done = subprocess.run(
        [NODE, "parse.mjs", json.dumps({language: name for language, (name, _) in PACKAGES.items()})],
        cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=100,
        input=json.dumps([*QUERIES, *mistakes]),
    )  # fmt: skip
    return set(json.loads(done.stdout))


def test_every_query_is_in_its_language(wrong):
    """
    The grammars take each query, and there are queries of each language.
    """
    assert {"promql", "logql", "traceql"} == {language for _, language, _ in QUERIES}
    assert set() == {name for name in wrong if not name.startswith("mistake")}


@pytest.mark.parametrize("language", MISTAKES)
def test_a_mistake_is_found(wrong, language):
    """
    The check can fail.
    """
    assert f"mistake: {language}" in wrong


def test_loki_knows_where_to_look():
    """
    Each selector of logs has a label that must not be empty, without which Loki refuses it.
    """
    for name, language, query in QUERIES:
        if language == "logql":
            [selector] = re.findall(r"\{(.*?)\}", query)
            matchers = re.findall(r'\w+(=~|!=|!~|=)"(.*?)"', selector)

            assert any(how in ("=", "=~") and not re.fullmatch(value, "") for how, value in matchers), name

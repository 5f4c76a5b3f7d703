"""Lines that neutral commits took over: for a function as a whole they are whose they were before."""

from __future__ import annotations

import json

import pytest

from byline._attribution.neutral import NeutralCommits
from byline._attribution.repository import Repository
from byline._attribution.scan import scan, scan_files
from byline._attribution.seen_through import FunctionLine, Origin, SeenThrough
from byline._manifest import FunctionRecord, render

from .test_neutral import BEFORE, CLAUDE, FORMATTED, load

LOAD = BEFORE.partition("class Table:\n")[2].partition("\n\ndef head")[0]
MOVED = BEFORE.replace(LOAD, "    limit = 9\n\n    def head(self):\n        return 1\n\n" + LOAD)
ANEW = FORMATTED.replace("json.loads(text)", "(\n            json.loads(text)\n        )").replace(
    "if strict and not rows:", "if (\n            strict\n            and not rows\n        ):"
)
"""Hardly a line of the function is left as it was."""
NEW = "def new():\n    return 1\n"


def facts(record: FunctionRecord) -> tuple[str, str, str, int, int]:
    found = record.attribution
    return found.commit, found.last_commit, found.verdict, found.ai_lines, found.lines


def names(found) -> dict[str, list[str]]:
    return {file.path: [each.function.qualname for each in file.functions] for file in found.files}


@pytest.mark.parametrize("after", [MOVED, ANEW], ids=["moved in its file", "laid out anew"])
def test_they_stay_with_who_wrote_them(repo, after):
    """
    Moving a function in its file, or laying it out anew, does not take its authorship.
    """
    origin = repo.commit({"table.py": BEFORE + "\n\n" + NEW * 9}, message=CLAUDE)
    repo.commit({"table.py": after + "\n\n" + NEW * 9}, message="Move and format")

    found = facts(load(repo))

    assert (origin, origin, "ai", found[4], found[4]) == found


def test_a_change_below_a_neutral_commit_is_the_last_one(repo):
    """
    Formatters and typing on top of each other, and a new name of the file, do not hide what a person changed.
    """
    rest = "".join(f"x{number} = {number}\n" for number in range(40))
    changed = ANEW.replace("and not rows", "and rows is None") + rest
    origin = repo.commit({"table.py": BEFORE + rest}, message=CLAUDE)
    last = repo.commit({"table.py": BEFORE.replace("strict and not rows", "strict and rows is None") + rest})
    repo.commit({"table.py": None, "rows.py": changed}, message="Format and rename")
    repo.commit({"rows.py": changed.replace("strict=True", "strict: bool=True")}, message="Type")

    found = facts(load(repo, "rows.py"))

    assert (origin, last, "ai") == found[:3]
    assert 0 < found[3] < found[4]


def test_ai_that_only_formats_is_no_author(repo):
    """
    What a person wrote stays unknown after AI laid it out anew.
    """
    repo.commit({"table.py": BEFORE})
    repo.commit({"table.py": ANEW, "new.py": NEW}, message=CLAUDE)

    assert {"new.py": ["new"], "table.py": []} == names(scan(repo.path, everything=True))


def test_a_line_with_parts_of_several_commits_belongs_to_the_newest(repo):
    """
    A formatter may join lines.
    """
    first = "def f(a, b):\n    return g(\n        a,\n        b,\n    )\n"
    origin = repo.commit({"f.py": first}, message=CLAUDE)
    last = repo.commit({"f.py": first.replace("        b,\n", "        b + 1,\n")})
    repo.commit({"f.py": "def f(a, b):\n    return g(a, b + 1)\n"}, message="Format")

    (record,) = next(file.functions for file in scan(repo.path).files)

    assert (origin, last, "ai", 1, 2) == facts(record)


def test_one_file_alone_has_the_same_answers(repo):
    """
    In development, the messages of the commits below are read when they are needed.
    """
    repo.commit({"table.py": BEFORE}, message=CLAUDE)
    repo.commit({"table.py": ANEW.replace("'''", '"""')})

    def told(manifest) -> dict[str, tuple[str, str, int]]:
        return {
            each.qualname: (who.verdict, who.commit, who.ai_lines)
            for file in manifest.files()
            for each, who in file.functions()
        }

    alone = told(scan_files(repo.path, [repo.path / "table.py"]))

    assert "ai" == alone["Table.load"][0]
    assert told(scan(repo.path).manifest()) == alone


def test_what_is_beyond_the_edge_of_a_shallow_clone_stays_unknown(repo, tmp_path):
    """
    Nobody looks through the edge.
    """
    repo.commit({"table.py": BEFORE}, message=CLAUDE)
    repo.commit({"other.py": "x = 1\n"})
    repo.commit({"table.py": ANEW + "\n\n" + NEW}, message=CLAUDE)
    repo.git("clone", "-q", "--depth=2", f"file://{repo.path}", str(tmp_path / "shallow"))

    assert {"table.py": ["new"]} == names(scan(tmp_path / "shallow", allow_shallow=True))


def test_a_scan_that_goes_on_hears_of_a_new_record(repo):
    """
    A note on a commit whose lines were taken over changes the answer, also when nothing else is new.
    """
    origin = repo.commit({"table.py": BEFORE})
    repo.commit({"table.py": f"{BEFORE}\n\n{NEW}"}, message=CLAUDE)
    repo.commit({"table.py": f"{ANEW}\n\n{NEW}"})
    before = scan(repo.path, everything=True)
    key = "s_00000000000001"
    metadata = {
        "schema_version": "authorship/3.0.0",
        "base_commit_sha": origin,
        "prompts": {},
        "sessions": {key: {"agent_id": {"tool": "codex", "id": "1", "model": "gpt-5"}}},
    }
    repo.note(
        "refs/notes/ai", origin, f"table.py\n  {key}::t_00000000000001 1-99\n---\n{json.dumps(metadata)}"
    )

    after = scan(repo.path, everything=True)
    fresh = scan(repo.path, everything=True, cache=False)

    assert {"table.py": ["new"]} == names(before)
    assert "used" == after.cache.state
    assert {"table.py": ["Table.load", "head", "new"]} == names(after)
    assert render(fresh.header, fresh.files, fresh.commits) == render(
        after.header, after.files, after.commits
    )


def test_what_git_cannot_read_stays_with_the_neutral_commit(repo):
    """
    In a damaged or partial clone the plain answer stands.
    """
    repo.commit({"table.py": "import os\n" + BEFORE}, message=CLAUDE)
    repo.commit({"table.py": BEFORE}, message=CLAUDE)
    neutral = repo.commit({"table.py": ANEW})
    line = FunctionLine("table.py", "Table.load", 11)
    lines, stop = {line: Origin(neutral, "table.py", 11)}, {"table.py": ""}

    def found() -> list[Origin]:
        repository = Repository.open(repo.path)
        through = SeenThrough(repository, neutral, NeutralCommits(repository), {}, {})
        return list(through.origins(lines, stop, lambda *_: None).values())

    whole = found()
    blob = repo.git("rev-parse", "HEAD~2:table.py")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    assert [repo.git("rev-parse", "HEAD~2")] == [each.commit for each in whole]
    assert [] == found()

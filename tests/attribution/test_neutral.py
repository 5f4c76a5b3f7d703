"""Commits that leave a function's behaviour as it was take none of its labels: whole scans of small repositories."""

from __future__ import annotations

import pytest

from byline._attribution.scan import scan
from byline._manifest import FunctionRecord

from ..repositories import RepositoryFactory

CLAUDE = "Add\n\nCo-Authored-By: Claude <noreply@anthropic.com>"
BEFORE = """\
import json


class Table:
    def load(self, text, strict=True):
        rows = json.loads(text)
        if strict and not rows:
            raise ValueError('no rows')
        return {row['id']: row for row in rows}


def head():
    return '''
first
second, which is long enough for git to see that a file moved
third, which is long enough for git to see that a file moved
'''
"""
TYPED = BEFORE.replace(
    "self, text, strict=True)", "self, text: str, strict: bool = True) -> dict[str, object]"
)
FORMATTED = (
    BEFORE
    .replace("'no rows'", '"no rows"')
    .replace("(self, text, strict=True)", "(\n        self,\n        text,\n        strict=True,\n    )")
    .replace("return {row['id']: row for row in rows}", 'return {\n            row["id"]: row\n            for row in rows\n        }')
)  # fmt: skip
DOCUMENTED = BEFORE.replace("=True):\n", '=True):\n        """Read rows.\n\nAt the margin, too.\n"""\n')
DECORATED = BEFORE.replace("    def load", "    @traced\n    def load").replace(
    "\n\nclass", "\nfrom t import traced\n\n\nclass"
)
COMMENTED = BEFORE.replace("        rows = ", "        # Rows of any kind.\n        rows = ").replace(
    "rows:\n", "rows:  # none\n"
)
NEUTRAL = {
    "typing": TYPED,
    "formatter": FORMATTED,
    "docstring": DOCUMENTED,
    "decorator": DECORATED,
    "comment": COMMENTED,
}


def load(repo: RepositoryFactory, path: str = "table.py") -> FunctionRecord:
    files = {file.path: file for file in scan(repo.path, cache=False).files}
    return next(each for each in files[path].functions if each.function.qualname == "Table.load")


def labels(record: FunctionRecord) -> tuple[str, str]:
    return record.attribution.commit, record.attribution.last_commit


@pytest.mark.parametrize("by", ["a person", "AI"])
@pytest.mark.parametrize("after", NEUTRAL.values(), ids=NEUTRAL.keys())
def test_a_neutral_commit_takes_no_label(repo, after, by):
    """
    Neither the originating commit nor the last one is a commit that left the syntax tree as it was.
    """
    origin = repo.commit({"table.py": BEFORE}, message=CLAUDE)
    repo.commit({"table.py": after}, message=CLAUDE if by == "AI" else "Tidy up")

    assert (origin, origin) == labels(load(repo))


@pytest.mark.parametrize("after", NEUTRAL.values(), ids=NEUTRAL.keys())
def test_a_neutral_commit_that_also_renames_the_file_takes_no_label(repo, after):
    """
    A file that moves while it is tidied up is compared with what it was under its old name.
    """
    origin = repo.commit({"table.py": BEFORE}, message=CLAUDE)
    repo.commit({"table.py": None, "rows.py": after}, message="Move and tidy up")

    assert (origin, origin) == labels(load(repo, "rows.py"))


def test_a_neutral_commit_in_front_of_a_real_one_is_passed_over(repo):
    """
    The newest change of behaviour below any number of neutral commits is the last commit.
    """
    origin = repo.commit({"table.py": BEFORE}, message=CLAUDE)
    changed = BEFORE.replace("not rows", "rows is None")
    last = repo.commit({"table.py": changed}, message="Fix")
    repo.commit({"table.py": changed.replace("'no rows'", '"no rows"')}, message="Format")
    repo.commit(
        {"table.py": changed.replace("'no rows')", '"no rows")  # never').replace("text,", "text: str,")}
    )

    assert (origin, last) == labels(load(repo))


def test_a_commit_that_only_removed_a_statement_is_the_last_one(repo):
    """
    It owns no line, but changed what the function does.
    """
    guard = "        if strict and not rows:\n            raise ValueError('no rows')\n"
    origin = repo.commit({"table.py": BEFORE}, message=CLAUDE)
    last = repo.commit({"table.py": BEFORE.replace(guard, "")}, message="Drop the guard")

    assert (origin, last) == labels(load(repo))


def test_a_comment_that_is_removed_is_no_change(repo):
    """
    A commit that removed nothing but a comment is neutral, too.
    """
    origin = repo.commit({"table.py": COMMENTED}, message=CLAUDE)
    repo.commit({"table.py": COMMENTED.replace("        # Rows of any kind.\n", "")}, message="Say less")

    assert (origin, origin) == labels(load(repo))


@pytest.mark.parametrize("between", [(), ("rows/table.py",)], ids=["once", "twice"])
def test_a_comment_that_is_removed_before_the_file_moves_is_no_change(repo, between):
    """
    What was removed from a file under an old name is compared under that name.
    """
    origin = repo.commit({"table.py": COMMENTED}, message=CLAUDE)
    at = "table.py"
    for path in between:
        repo.commit({at: None, path: COMMENTED}, message="Move")
        at = path
    repo.commit({at: COMMENTED.replace("        # Rows of any kind.\n", "")}, message="Say less")
    text = COMMENTED.replace("        # Rows of any kind.\n", "")
    repo.commit({at: None, "final/table.py": text}, message="Move again")

    assert (origin, origin) == labels(load(repo, "final/table.py"))

"""Lines that were moved or copied: they belong to whom git blame -M -C names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from byline._attribution.blame import own_lines
from byline._attribution.moves import follow_moves
from byline._attribution.repository import Repository
from byline._attribution.scan import scan
from byline._manifest import render

from .histories import Made, write
from .ownership import GENERATED, git_blame, lines_of

CLAUDE = "Write\n\nCo-Authored-By: Claude <noreply@anthropic.com>\n"
TAX = '''\
def tax(order, country):
    """Return what the state takes."""
    rate = RATES.get(country, DEFAULT_RATE)
    reduced = [line for line in order.lines if line.category in REDUCED]
    full = [line for line in order.lines if line.category not in REDUCED]
    return rate * sum(line.total for line in full) + rate / 2 * sum(line.total for line in reduced)
'''
OTHER = """\
def shipping(order, country):
    if country in FREE_COUNTRIES and order.total > FREE_FROM:
        return 0
    return WEIGHTS[country] * sum(line.weight for line in order.lines)
"""


def followed(repo, path: str, oldest: str = "") -> list[tuple[str, str, int]]:
    repository = Repository.open(repo.path)
    files = own_lines(repository, "HEAD", stop=(oldest,) if oldest else ()).files
    found, problems = follow_moves(
        repository, repository.head(), files, stop=dict.fromkeys(files, oldest), progress=lambda *_: None
    )
    assert not problems
    assert {name: each.deletions for name, each in files.items()} == {
        name: each.deletions for name, each in found.items()
    }
    return lines_of(found[path])


@pytest.fixture
def moved(repo):
    """Return a repository in which a person moved what AI wrote to another file, and within one."""
    repo.commit({"shop.py": OTHER, "tax.py": "RATES = {}\n"})
    repo.commit({"shop.py": f"{OTHER}\n\n{TAX}"}, message=CLAUDE)
    repo.commit({"shop.py": OTHER, "tax.py": f"RATES = {{}}\n\n\n{TAX}"}, message="Move")
    return repo


def test_a_function_that_moved_to_another_file(moved):
    """
    The move owns nothing of it; the lines are at their place in the commit that wrote them.
    """
    expected = git_blame(moved, "HEAD", "tax.py", "-M", "-C")

    assert git_blame(moved, "HEAD", "tax.py") != expected
    assert expected == followed(moved, "tax.py")


def test_functions_that_changed_places(repo):
    """
    Within one file -M is enough.
    """
    repo.commit({"a.py": f"{TAX}\n\n{OTHER}"}, message=CLAUDE)
    repo.commit({"a.py": f"{OTHER}\n\n{TAX}"})

    assert git_blame(repo, "HEAD", "a.py", "-M", "-C") == followed(repo, "a.py")


@st.composite
def moving_histories(draw: Any) -> list[Made]:
    """Draw a history in which blocks of lines move and are copied, within files and between them."""
    names = ("a.py", "b.py", "pkg/c.py")
    numbers = iter(range(1000))
    tree = {
        name: [f"value_{next(numbers)} = compute_something_of({name!r})\n" for _ in range(8)]
        for name in names
    }
    made = [Made((), tree, 0)]
    for number in range(draw(st.integers(1, 5))):
        tree = {name: list(lines) for name, lines in tree.items()}
        for _ in range(draw(st.integers(1, 2))):
            source, target = draw(st.sampled_from(names)), draw(st.sampled_from(names))
            start = draw(st.integers(0, len(tree[source])))
            block = tree[source][start : start + draw(st.integers(1, 4))]
            if draw(st.integers(0, 2)):
                del tree[source][start : start + len(block)]
            place = draw(st.integers(0, len(tree[target])))
            new = [f"new_{next(numbers)} = 1\n"] if draw(st.booleans()) else []
            tree[target][place:place] = [*block, *new]
        made.append(Made((number,), tree, 0))
    return made


@settings(GENERATED, max_examples=15)
@given(moving_histories())
def test_generated_moves(shared, history):
    """
    Line for line, the answer is that of git blame -M -C.
    """
    head = write(shared, history)[-1]
    repository = Repository.open(shared.path)
    files = {path: each for path, each in own_lines(repository, head).files.items() if each.runs}

    found, problems = follow_moves(
        repository, head, files, stop=dict.fromkeys(files, ""), progress=lambda *_: None
    )

    assert [] == problems
    assert {path: git_blame(shared, head, path, "-M", "-C") for path in files} == {
        path: lines_of(each) for path, each in found.items()
    }


def test_ignored_commits_are_looked_through(moved):
    """
    The two go together, as they do in git.
    """
    ignored = moved.commit({"tax.py": f"RATES = {{}}\n\n\n{TAX.replace('rate ', 'rate  ')}"})
    moved.commit({".git-blame-ignore-revs": f"{ignored}\n"})
    options = ("-M", "-C", "--ignore-revs-file", ".git-blame-ignore-revs")

    assert git_blame(moved, "HEAD", "tax.py", *options) == followed(moved, "tax.py")


def test_a_walk_that_stops(moved):
    """
    What is older than the oldest AI commit has no owner; the moved lines still have theirs.
    """
    write = moved.git("rev-parse", "HEAD~1")
    expected = [
        "" if sha == moved.git("rev-parse", "HEAD~2") else sha
        for sha, _, _ in git_blame(moved, "HEAD", "tax.py", "-M", "-C")
    ]

    assert expected == [sha for sha, _, _ in followed(moved, "tax.py", write)]


def test_an_empty_file(moved):
    """
    There is nothing to ask about a file without lines.
    """
    moved.commit({"empty.py": ""})

    assert [] == followed(moved, "empty.py")


def test_a_scan_gives_a_moved_function_to_its_writer(moved):
    """
    Only when asked: without it, the one who moved it owns it. The manifest says which.
    """
    without, with_ = scan(moved.path), scan(moved.path, moves=True)
    verdicts = [
        {each.function.qualname: each.attribution.verdict for file in found.files for each in file.functions}
        for found in (without, with_)
    ]

    assert [{}, {"tax": "ai"}] == verdicts
    assert (False, True) == (without.header.moves, with_.header.moves)


def test_a_rebuild_follows_them_too(moved):
    """
    The cache of such a scan is one of its own, and the manifest is that of a scan without it.
    """
    scan(moved.path)
    scan(moved.path, moves=True)
    moved.commit({"shop.py": f"import os\n\n\n{OTHER}"})

    found, fresh = scan(moved.path, moves=True), scan(moved.path, moves=True, cache=False)

    assert ("used", 1) == (found.cache.state, found.cache.taken_over)
    assert render(fresh.header, fresh.files, fresh.commits) == render(
        found.header, found.files, found.commits
    )


def test_what_git_cannot_read_stays_with_the_mover(moved):
    """
    In a damaged or partial clone the plain answer stands, and the file is listed.
    """
    moved.commit({"tax.py": f"RATES = {{}}\n\n\n{TAX}", "data.bin": b"\0" * 9})
    moved.commit({"tax.py": f"RATES = {{}}\n\n\n{TAX}\n\n{OTHER}", "data.bin": b"\1" * 9})
    blob = moved.git("rev-parse", "HEAD~1:data.bin")
    (moved.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    found = scan(moved.path, moves=True)

    assert ["tax.py"] == [each.subject for each in found.header.unverified]
    assert "moved lines were not followed" in found.header.unverified[0].reason
    assert "used" == scan(moved.path, moves=True).cache.state
    assert found.header.unverified == scan(moved.path, moves=True).header.unverified

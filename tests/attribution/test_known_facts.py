"""What a scan leaves about single commits: it is believed as long as it rests on the same, and then found anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from byline._attribution.commits import read_commits
from byline._attribution.known_facts import KnownFacts, Recovery
from byline._attribution.marks import CommitNote, LineMark
from byline._attribution.pull_requests import Squash
from byline._attribution.repository import Repository
from byline._attribution.scan import scan
from byline._attribution.settings import ScanSettings
from byline._attribution.sources import Sources, read_sources
from byline._manifest import render
from byline._model import Evidence

from .records import CODE, git_ai_note
from .test_pull_requests import merge, squash

NAMES = st.text(max_size=5)
NOTES = st.builds(
    CommitNote,
    st.lists(
        st.builds(LineMark, NAMES, st.integers(1, 9), st.integers(1, 9), st.just(Evidence("ai", "note", "cursor", "high")))
    ).map(tuple),
    paths=st.none() | st.frozensets(NAMES),
)  # fmt: skip
FACTS = st.builds(
    KnownFacts,
    st.dictionaries(NAMES, st.builds(Recovery, NAMES, st.none() | NOTES)),
    st.dictionaries(st.tuples(NAMES, NAMES, NAMES), st.booleans()),
    st.lists(st.builds(Squash, NAMES, NAMES, st.frozensets(NAMES))).map(
        lambda found: {each.commit: each for each in found}
    ),
)


@given(facts=FACTS)
def test_what_is_written_is_read_again(facts):
    """
    Facts survive the cache.
    """
    assert facts == KnownFacts.from_rows(**json.loads(json.dumps(facts.to_rows())))


def sources(repo, known=None) -> Sources:
    repository, settings = Repository.open(repo.path), ScanSettings()
    head = repository.head()
    commits = read_commits(repository, head, settings=settings)
    return read_sources(repository, head, commits, settings, known=KnownFacts(known or {}))


def test_what_was_carried_over_is_not_read_again(repo):
    """
    As long as a pull request and its notes are the same, what an earlier scan carried over stands.
    """
    _, sha = squash(repo)
    first = sources(repo).recovered
    told = replace(first[sha], note=CommitNote())

    assert [CommitNote()] == sources(repo, {sha: told}).records[sha]
    assert first == sources(repo, {sha: replace(told, key="another")}).recovered


def other_note(repo, part):
    repo.note("refs/notes/ai", part, git_ai_note({"app.py": "5"}, tool="claude"))


def no_note(repo, part):
    repo.git("notes", "--ref=refs/notes/ai", "remove", part)


def bad_note(repo, part):
    repo.note("refs/notes/ai", part, "app.py\n  abc 1-2\n---\n{")


def own_note(repo, _part):
    repo.note("refs/notes/ai", repo.git("rev-parse", "main").strip(), git_ai_note({"app.py": "1"}))


def other_head(repo, _part):
    repo.git("update-ref", "refs/pull/7/head", "main~1")


def merged_after_all(repo, part):
    repo.git("branch", "late", part)
    repo.merge("late", files={"app.py": CODE})


@pytest.mark.parametrize("change", [other_note, no_note, bad_note, own_note, other_head, merged_after_all])
def test_a_record_that_changed_is_carried_over_anew(repo, change):
    """
    A scan that goes on from the last one tells what a scan without a past tells, whatever became of the notes.
    """
    part, _ = squash(repo)
    scan(repo.path)
    change(repo, part)
    for number in range(2):
        repo.commit({"app.py": CODE + f"\n\nafter = {number}\n"})
        found, fresh = scan(repo.path), scan(repo.path, cache=False)

        assert "used" == found.cache.state
        assert render(fresh.header, fresh.files, fresh.commits) == render(
            found.header, found.files, found.commits
        )


def test_other_processes_take_files_over(repo):
    """
    What was carried over looks the same to a process that orders its sets otherwise.
    """
    files = {f"{name}.py": CODE for name in "abcdefgh"}
    repo.commit({"README": "Start\n"})
    repo.branch("topic")
    part = repo.commit(files)
    repo.note("refs/notes/ai", part, git_ai_note(dict.fromkeys(files, "2-3")))
    merge(repo, part, files=files)
    program = "import pathlib, byline._attribution.scan as s; print(s.scan(pathlib.Path()).cache.taken_over, end=' ')"

    taken = [
        subprocess.run(
            (sys.executable, "-c", program),
            cwd=repo.path, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]  # fmt: skip

    assert ["0 ", "8 ", "8 "] == taken

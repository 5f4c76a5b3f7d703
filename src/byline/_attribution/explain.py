"""One file of the work tree, line by line and function by function: who wrote it, and everything that says so."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._manifest import ManifestFile
from .._model import Evidence, Source, Unverified
from ..exceptions import NotFoundError
from .answers import answer, uncommitted
from .blame import Run
from .comments import CommentMark
from .commits import Commits, read_commits
from .entire import with_agents
from .evidence import EvidenceBook
from .explanation import Explanation, Line
from .few_files import blame_file
from .functions import SourceError, SourceFunction, functions_in
from .marks import CommitNote, MarkIndex
from .processes import side_by_side
from .repository import Repository
from .scan import scan_files
from .settings import read_settings
from .sources import read_sources
from .survey import survey
from .testimony import Claim, Testimony, judge

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_NO_SIGN = "no sign of AI in its commit's message, people and notes; that does not prove a person"
_LEFT_OUT = (
    "its commit's record leaves this line out: what covers the whole commit counts, with low confidence"
)
_WATCHED = "its commit's record covers the whole commit and saw no AI in it"
_WHERE: dict[Source, str] = {
    "note": "a note on its commit",
    "trace": "a trace of its commit",
    "pull-request": "a note on its pull request's head",
}
_BEYOND = "the clone is shallow, and the line is older than its edge"


_Question = tuple[tuple[Claim, ...], Evidence | None, tuple[str, ...]]


@dataclass(slots=True)
class _File:
    """What was gathered of one file before its lines are explained."""

    path: str
    runs: tuple[Run, ...]
    """The committed file's owners."""

    known: ManifestFile | None
    """The committed file's attribution; None for what no scan attributes: other languages, excluded files."""

    evidence: Sequence[Evidence | None]
    """What decides each committed line, for such a file."""

    commits: Commits
    records: Mapping[str, Sequence[CommitNote]]
    marks: MarkIndex
    comments: tuple[CommentMark, ...]
    decorated: tuple[SourceFunction, ...]
    committed: list[int]
    """For each line of the work tree its number in the committed file; 0 for one that is not there."""

    judged: dict[_Question, tuple[Testimony, ...]] = field(default_factory=dict)


def explain(file: Path) -> Explanation:
    """
    Explain a file of the work tree.

    Raises:
        NotFoundError: There is no such file.
        RepositoryError: It is in no repository, or git cannot answer.
    """
    if not file.is_file():
        kind = "is a folder, not a file" if file.is_dir() else "is not there"
        raise NotFoundError(f"{str(file)!r} {kind}. Name a file of the work tree.")
    real = file.resolve()
    repository = Repository.open(real)
    path = real.relative_to(repository.root).as_posix()
    revision = repository.head()
    data = real.read_bytes()
    lines = _split(data)
    functions, unread = _functions(path, data)
    blob = repository.read_names([f"{revision}:{path}"])[0]
    if blob is None:
        found = [Line(number, code, "uncommitted") for number, code in enumerate(lines, 1)]
        answers = [uncommitted(path, each) for each in functions]
        doubt = Unverified(path, "not committed", "commit it; then git knows who wrote what")
        return Explanation(path, revision, tuple(found), tuple(answers), {}, (doubt, *unread))
    manifest, ownership = side_by_side(
        lambda task: task(), [(lambda: scan_files(repository.root, [real]),), (lambda: blame_file(repository, revision, path),)], 2
    )  # fmt: skip
    shas = {run.commit for run in ownership.runs} - {""}
    settings = read_settings(repository.root)
    commits = read_commits(repository, revision, settings=settings, only=shas)
    commits = with_agents(repository, commits)
    sources = read_sources(repository, revision, commits, settings)
    look = survey(repository, {path: blob[0]}, identities=commits.identities, progress=_say_nothing)
    known = manifest.by_path(path)
    book = EvidenceBook(commits.by_sha, sources.records, look.comments)
    evidence = [] if known else [line.evidence for line in book.lines_of_file(ownership)]
    gathered = _File(
        path=path,
        runs=ownership.runs,
        known=known,
        evidence=evidence,
        commits=commits,
        records=sources.records,
        marks=MarkIndex(sources.records),
        comments=look.comments.get(path, ()),
        decorated=tuple(each for each in _functions(path, blob[1])[0] if each.is_marked),
        committed=_committed_lines(repository, path, len(lines)),
    )
    explained = tuple(_lines(gathered, lines))
    answers = [
        answer(path, known, gathered.committed, each, explained, manifest.header.min_ai_share)
        for each in functions
    ]
    header = [
        each
        for each in manifest.header.unverified
        if each.subject != path or each.reason != "uncommitted edits"
    ]
    doubts = list(dict.fromkeys([*header, *unread]))
    return Explanation(path, revision, explained, tuple(answers), commits.by_sha, tuple(doubts))


def _split(data: bytes) -> list[str]:
    """Split at LF, as git counts."""
    lines = data.decode("utf-8", "replace").split("\n")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def _functions(path: str, data: bytes) -> tuple[list[SourceFunction], list[Unverified]]:
    if not path.endswith((".py", ".pyi")):
        return [], []
    try:
        return functions_in(data), []
    except SourceError as error:
        return [], [Unverified(path, str(error), "its lines are attributed, its functions are not")]


def _committed_lines(repository: Repository, path: str, count: int) -> list[int]:
    """Return for each line of the work tree its number in the committed file; 0 for a new one."""
    output = repository.run(
        "diff", "-U0", "--inter-hunk-context=0", "--text", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--no-color", "HEAD", "--", f":(literal){path}",
    )  # fmt: skip
    numbers: list[int] = []
    shift = 0
    for hunk in _HUNK.finditer(output):
        old_count, new_start, new_count = (int(hunk[2] or 1), int(hunk[3]), int(hunk[4] or 1))
        start = new_start + (new_count == 0)
        numbers += [number - shift for number in range(len(numbers) + 1, start)]
        numbers += [0] * new_count
        shift += new_count - old_count
    return numbers + [number - shift for number in range(len(numbers) + 1, count + 1)]


def _say_nothing(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


# --- lines -------------------------------------------------------------------


def _lines(file: _File, codes: Sequence[str]) -> list[Line]:
    starts = [run.start for run in file.runs]
    found = []
    for number, (code, committed) in enumerate(zip(codes, file.committed, strict=True), 1):
        at = bisect_right(starts, committed) - 1
        if not committed or at < 0:
            found.append(Line(number, code, "uncommitted"))
            continue
        found.append(_line(file, Line(number, code, "committed"), committed, file.runs[at]))
    return found


def _line(file: _File, line: Line, committed: int, run: Run) -> Line:
    if not run.commit:
        return replace(line, state="unknown", remarks=(_BEYOND,))
    if file.known:
        known = file.known.line(committed)
        winner = known.evidence if known else None
    else:
        winner = file.evidence[committed - 1]
    original = run.original_start + committed - run.start
    claims, remarks = _claims(file, run, original, committed)
    key = (claims, winner, remarks)
    testimonies = file.judged.get(key)
    if testimonies is None:
        testimonies = file.judged[key] = judge(claims, winner, saw_none=_WATCHED in remarks)
    if not testimonies:
        remarks = (*remarks, _NO_SIGN)
    return replace(
        line,
        commit=run.commit,
        path=run.path,
        original=original,
        evidence=winner,
        testimonies=testimonies,
        remarks=remarks,
    )


def _claims(
    file: _File, run: Run, original: int, committed: int
) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Gather what speaks of a line: its commit's note, the code around it, its commit as a whole."""
    claims: list[Claim] = []
    remarks: list[str] = []
    commit = file.commits.by_sha.get(run.commit)
    records = file.records.get(run.commit, ())
    marks = file.marks.marks_at(run.commit, run.path, original)
    claims += [Claim(each, _WHERE.get(each.source, "a record of its commit")) for each in marks]
    if not marks and any(each.covers_all for each in records):
        remarks.append(_WATCHED)
    elif not marks and any(each.watched(run.path) for each in records):
        remarks.append(_LEFT_OUT)
    claims += [
        Claim(each.mark.evidence, f"a comment that covers lines {each.mark.start} to {each.mark.end}")
        for each in file.comments
        if each.mark.start <= committed <= each.mark.end
    ]
    claims += [
        Claim(Evidence("ai", "decorator", "unknown", "high"), f"the decorator of {each.qualname}")
        for each in file.decorated
        if committed in each.behaviour
    ]
    for evidence in commit.evidence if commit else ():
        claims.append(
            Claim(evidence, "its commit's author" if evidence.source == "author" else "its commit's message")
        )
    return tuple(claims), tuple(remarks)

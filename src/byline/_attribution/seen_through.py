"""Lines of functions that a neutral commit took over: where they were in the version before it, and who wrote them there.

A formatter owns the lines that it laid out anew, and whoever moved a function within its file owns all of it.
For a function as a whole they are looked through, as ``.git-blame-ignore-revs`` does for lines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..exceptions import RepositoryError
from .behaviour import lines_before
from .first_parents import old_paths
from .incremental import blame_lines, ignore_options, ignored_commits
from .neutral import NeutralCommits, Place
from .processes import side_by_side
from .repository import Repository
from .versions import FileVersion

_DEPTH = 8
"""How many neutral commits on top of each other are looked through."""
_BATCH = 50
"""Versions of files that are read together."""
_STEP = 200
"""Versions compared between two words on how far it is."""
_MAX_THREADS = 4

Progress = Callable[[str, int, int], None]


class Origin(NamedTuple):
    """One line in the version of a file that a commit left."""

    commit: str
    """Empty when it is older than where the scan stops."""

    path: str
    line: int


class FunctionLine(NamedTuple):
    """One line of one function, in the revision that is scanned."""

    path: str
    qualname: str
    line: int


class _Question(NamedTuple):
    """A function in the version that a neutral commit left."""

    place: Place
    qualname: str


class SeenThrough:
    """Looks through neutral commits, for functions of one revision."""

    def __init__(
        self,
        repository: Repository,
        revision: str,
        neutral: NeutralCommits,
        order: Mapping[str, int],
        parents: Mapping[str, Sequence[str]],
    ) -> None:
        """
        Prepare for one scan.

        Args:
            repository: Where to look.
            revision: The commit that is scanned.
            neutral: Knows which commits left a function as it was.
            order: Position of the commits in topological order, 0 is the newest.
            parents: Of every commit that is not older than where the scan stops; needed when it does.
        """
        self._repository = repository
        self._neutral = neutral
        self._order = order
        self._parents = parents
        self._ignored = ignored_commits(repository, revision)
        self._revision = revision
        self._unknown = repository.shallow_commits()
        self._within: dict[str, frozenset[str]] = {}

    def origins(
        self, lines: Mapping[FunctionLine, Origin], stop: Mapping[str, str], progress: Progress
    ) -> dict[FunctionLine, Origin]:
        """
        Find who wrote lines before neutral commits took them over.

        Args:
            lines: Where the lines are from, as blame tells.
            stop: The oldest commit of interest for each file; "" for all of history.
            progress: Told how far it is.

        Returns:
            The lines that a neutral commit owned. Where it put several lines together, it is the newest of those.
        """
        known = {line: {origin} for line, origin in lines.items()}
        moved: set[FunctionLine] = set()
        open_lines = set(lines)
        with ignore_options(self._ignored) as options:
            for _ in range(_DEPTH):
                questions = self._questions({line: known[line] for line in open_lines}, progress)
                answers = self._answers(questions, stop, options, progress) if questions else {}
                if not answers:
                    break
                open_lines = {line for line in open_lines if self._replace(line, known[line], answers)}
                moved |= open_lines
        return {line: min(known[line], key=self._age) for line in moved}

    def _age(self, origin: Origin) -> tuple[int, Origin]:
        return self._order.get(origin.commit, len(self._order)), origin

    @staticmethod
    def _replace(
        line: FunctionLine, origins: set[Origin], answers: Mapping[_Question, Mapping[int, set[Origin]]]
    ) -> bool:
        """Put what a neutral commit found in the place of what it left, and tell whether there was any."""
        changed = False
        for origin in tuple(origins):
            question = _Question((origin.commit, origin.path), line.qualname)
            before = answers.get(question, {}).get(origin.line)
            if before:
                origins.remove(origin)
                origins |= before
                changed = True
        return changed

    def _questions(
        self, known: Mapping[FunctionLine, set[Origin]], progress: Progress
    ) -> dict[_Question, dict[str, set[int]]]:
        """Return the functions that neutral commits left, each with its lines there by the file that has them now."""
        asked: dict[_Question, dict[str, set[int]]] = {}
        for line, origins in known.items():
            for commit, path, number in origins:
                if commit:
                    question = _Question((commit, path), line.qualname)
                    asked.setdefault(question, {}).setdefault(line.path, set()).add(number)
        wanted: dict[Place, set[str]] = {}
        for place, qualname in sorted(
            asked, key=lambda each: (each.place[1], self._order.get(each.place[0], 0))
        ):
            wanted.setdefault(place, set()).add(qualname)
        places = list(wanted)
        for start in range(0, len(places), _STEP):
            progress("versions", start, len(places))
            self._neutral.load({place: wanted[place] for place in places[start : start + _STEP]})
        return {
            each: lines
            for each, lines in asked.items()
            if self._neutral.is_neutral(*each.place, each.qualname)
        }

    def _answers(
        self,
        questions: Mapping[_Question, Mapping[str, set[int]]],
        stop: Mapping[str, str],
        options: Sequence[str],
        progress: Progress,
    ) -> dict[_Question, dict[int, set[Origin]]]:
        """Ask git, once for each version of a file, who owned the lines in the version before."""
        by_place: dict[Place, list[_Question]] = {}
        for question in questions:
            by_place.setdefault(question.place, []).append(question)
        tasks = [
            (
                place,
                old_path,
                self._edge({stop[path] for each in by_place[place] for path in questions[each]}),
                before,
            )
            for place, old_path, before in self._before(by_place, questions)
        ]
        done = 0

        def ask(
            place: Place, old_path: str, oldest: str, before: Mapping[_Question, Mapping[int, frozenset[int]]]
        ) -> dict[int, Origin]:
            nonlocal done
            found = self._blame(place[0], old_path, oldest, before, options)
            done += 1
            progress("versions", done, len(tasks))
            return found

        owners = side_by_side(ask, tasks, min(_MAX_THREADS, os.cpu_count() or 1))
        return {
            question: {
                line: {owned[number] for number in old if number in owned} for line, old in lines.items()
            }
            for (_, _, _, before), owned in zip(tasks, owners, strict=True)
            for question, lines in before.items()
        }

    def _before(
        self, by_place: Mapping[Place, list[_Question]], questions: Mapping[_Question, Mapping[str, set[int]]]
    ) -> Iterator[tuple[Place, str, dict[_Question, dict[int, frozenset[int]]]]]:
        """Yield where the lines of functions were before commits, and the files' paths there."""
        places = list(by_place)
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            paths = old_paths(self._repository, batch)
            names = [name for sha, path in batch for name in (f"{sha}^:{paths[sha, path]}", f"{sha}:{path}")]
            read = self._repository.read_names(names)
            for place, old, new in zip(batch, read[::2], read[1::2], strict=True):
                if old is None or new is None:  # pragma: no cover  # a neutral commit has both
                    continue
                versions = FileVersion(old[1]), FileVersion(new[1])
                yield (
                    place,
                    paths[place],
                    {
                        each: {
                            line: old_lines
                            for line, old_lines in lines_before(*versions, each.qualname).items()
                            if any(line in lines for lines in questions[each].values())
                        }
                        for each in by_place[place]
                    },
                )

    def _blame(
        self,
        commit: str,
        path: str,
        oldest: str,
        before: Mapping[_Question, Mapping[int, frozenset[int]]],
        options: Sequence[str],
    ) -> dict[int, Origin]:
        within = self._within.get(oldest)
        if within is not None and self._parents[commit][0] not in within:
            numbers = {number for lines in before.values() for old in lines.values() for number in old}
            return {number: Origin("", path, number) for number in numbers}
        spans = [sorted(number for old in lines.values() for number in old) for lines in before.values()]
        ranges = [f"-L{span[0]},{span[-1]}" for span in spans if span]
        edge = (f"^{oldest}^@",) if oldest else ()
        try:
            blamed = blame_lines(self._repository, path, f"{commit}^", *edge, options=(*options, *ranges))
        except RepositoryError:
            # A partial clone may lack the version: then the neutral commit keeps its lines.
            return {}
        return {
            start + offset: Origin(self._known(owner, within), where, original + offset)
            for start, length, owner, where, original in blamed
            for offset in range(length)
        }

    def _known(self, commit: str, within: frozenset[str] | None) -> str:
        return "" if commit in self._unknown or (within is not None and commit not in within) else commit

    def _edge(self, stops: set[str]) -> str:
        """Return the oldest commit of interest, and remember what is not older."""
        oldest = next(iter(stops)) if len(stops) == 1 else ""
        if oldest and oldest not in self._within:
            listed = self._repository.run("rev-list", self._revision, f"^{oldest}^@")
            self._within[oldest] = frozenset(listed.decode("ascii").split())
        return oldest

"""Which older line a changed line was made from, as ``git blame`` guesses when it looks through a commit.

Git's rule, step by step: every line has a fingerprint, the multiset of its pairs of neighbouring
characters. Within a hunk the surest pairs of lines are matched first and nothing may cross them. A line
without a match in its hunk goes to the most similar line anywhere in the old version.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence, Set as AbstractSet
from itertools import accumulate, chain, count, pairwise, repeat
from operator import add

from .diffs import Hunk

Fingerprint = AbstractSet[int]
"""Pairs of characters as numbers; the second and later occurrence of a pair are numbers of their own."""

_DISTANCE = 10
"""How far from its own place in a hunk a line is looked for."""
_LEAST = 10
"""Pairs that a line outside the hunk must share."""
_TIE = 1000
_UNKNOWN, _NOTHING = -1, -2

# For git a space, tab, CR or LF is white, and only ASCII letters have a lower case.
_NORMAL = bytes(0 if chr(byte) in " \t\r\n" else byte for byte in range(256)).translate(
    bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
)
_PAIR = 1 << 16
_WORD = re.compile(rb"[^\W\d]\w+")
_WITNESSES = 5
"""Pairs looked up in the whole text beyond the necessary ones: only for speed."""
_SHARES = (0.85, 0.65, 0.45, 0.0)
"""Of its pairs, how many a line is looked for to share, one after the other: only for speed."""
_COMMON = b"\0etsrnaoild_cpumf.()g\"h,:=b'y-kv[]wx/\\{}jzq"
"""Characters of source code, the most frequent first: only for speed."""
_RARITY = [_COMMON.find(byte) if byte in _COMMON else len(_COMMON) for byte in range(256)]


def counterparts(
    before: bytes, after: bytes, hunks: Iterable[Hunk], wanted: Sequence[object]
) -> dict[int, int]:
    """
    Guess which line of the old version each changed line was made from.

    Args:
        before: The old version.
        after: The new version.
        hunks: How they differ, in order.
        wanted: Whose elements are true for the lines of the new version that matter.

    Returns:
        Line of the old version by line of the new one, both counted from 0; lines that were
        made from nothing are left out.
    """
    by_text: dict[bytes, Fingerprint] = {}
    old, new = _Version(before, by_text), _Version(after, by_text)
    found: dict[int, int] = {}
    waiting: list[_Gap] = []
    for hunk in hunks:
        gap = _Gap(old, new, hunk)
        lines = [line for line in range(gap.start, gap.end) if wanted[line]]
        if not lines:
            waiting.append(gap)
            continue
        gap.match()
        for line in lines:
            match = gap.result[line - gap.start]
            if match < 0 and len(new[line]) >= _LEAST:
                # What earlier hunks matched is no longer there to be found.
                for each in waiting:
                    each.match()
                waiting.clear()
                match = old.most_similar(new, line)
            if match >= 0:
                found[line] = match
    return found


class _Version:
    """The lines of a file; their fingerprints are taken when somebody asks."""

    def __init__(self, data: bytes, by_text: dict[bytes, Fingerprint]) -> None:
        self._lines = data.split(b"\n")
        if not self._lines[-1]:
            self._lines.pop()
        self._fingerprints: dict[int, Fingerprint] = {}
        self._by_text = by_text
        self._text = b""
        self._starts: list[int] = []
        self._with_pair: dict[bytes, set[int]] = {}
        self._answers: dict[bytes, tuple[int, Sequence[int]]] = {}

    def __getitem__(self, line: int) -> Fingerprint:
        found = self._fingerprints.get(line)
        if found is None:
            text = self._normal(line).strip(b"\0")
            found = self._by_text.get(text)
            if found is None:
                found = self._by_text[text] = _fingerprint(text)
            self._fingerprints[line] = found
        return found

    def take(self, line: int, used: Fingerprint) -> None:
        """Take away from a line what another line was matched with."""
        left = self[line] - used
        if left and max(left) >= _PAIR:
            # Of a pair that is left, the first occurrences may be gone: number the others again.
            left = _numbered(sorted(pair % _PAIR for pair in left))
        self._fingerprints[line] = left

    def most_similar(self, other: _Version, line: int) -> int:
        """Return the line most similar to a line of another version, the nearest of several; -1 for none."""
        text = other._normal(line).strip(b"\0")
        mark = other[line]
        similarity, found = self._answers.get(text, (0, ()))
        # Lines only become less similar, so those that are not are still the most similar ones.
        found = [each for each in found if len(mark & self[each]) == similarity]
        if not found:
            similarity, found = self._search(mark, text)
            self._answers[text] = similarity, found
        # Of two that are as near, the one behind.
        return min(found, key=lambda each: (abs(each - line), -each), default=-1)

    def _search(self, mark: Fingerprint, text: bytes) -> tuple[int, list[int]]:
        """
        Return the highest similarity of any line with a fingerprint, and the lines that have it.

        Most lines are much like the one they were made from: a search for what is very similar
        looks at few lines, and mostly it is enough.
        """
        least = max(_LEAST, self._some_similarity(mark, text))
        pairs = sorted({pair % _PAIR for pair in mark}, key=_rarity, reverse=True)
        texts = [pair.to_bytes(2, sys.byteorder) for pair in pairs]
        for share in _SHARES:
            limit = max(least, int(len(mark) * share))
            by_similarity: dict[int, list[int]] = {}
            for candidate in self._candidates(texts, len(mark) - limit):
                by_similarity.setdefault(len(mark & self[candidate]), []).append(candidate)
            best = max(by_similarity, default=0)
            if best >= limit:
                return best, by_similarity[best]
            if limit == least:
                break
        return 0, []

    def _some_similarity(self, mark: Fingerprint, text: bytes) -> int:
        """Return how similar one promising line is: the most similar line is no less so."""
        self._prepare()
        words = _WORD.findall(text)
        place = self._text.find(b"\0" + text + b"\0")
        if place < 0 and words:
            place = self._text.find(max(words, key=len))
        return len(mark & self[bisect_right(self._starts, place)]) if place >= 0 else 0

    def _candidates(self, pairs: Sequence[bytes], spare: int) -> Iterable[int]:
        """Return the lines that can have all but ``spare`` of the pairs, which are given rarest first."""
        if len(pairs) <= spare:
            return range(len(self._lines))
        rarest = pairs[: spare + 1 + min(spare, _WITNESSES)]
        times = Counter(chain.from_iterable(map(self._lines_with, rarest)))
        least_times = len(rarest) - spare
        return [line for line, number in times.items() if number >= least_times]

    def _lines_with(self, pair: bytes) -> set[int]:
        found = self._with_pair.get(pair)
        if found is None:
            *pieces, _ = self._text.split(pair)
            places = map(add, accumulate(map(len, pieces)), count(0, len(pair)))
            found = self._with_pair[pair] = set(map(bisect_right, repeat(self._starts), places))
        return found

    def _prepare(self) -> None:
        if not self._text:
            self._text = b"\0" + b"\0".join(self._lines).translate(_NORMAL) + b"\0"
            self._starts = list(accumulate(len(line) + 1 for line in self._lines[:-1]))

    def _normal(self, line: int) -> bytes:
        return self._lines[line].translate(_NORMAL)


class _Gap:
    """A hunk: the lines of the new version that stand where lines of the old version stood."""

    def __init__(self, old: _Version, new: _Version, hunk: Hunk) -> None:
        old_start, self._old_count, new_start, self._count = hunk
        self._old, self._new = old, new
        # Without lines, a hunk gives the line before it.
        self._old_start = old_start - 1 if self._old_count else old_start
        self.start = new_start - 1
        self.end = self.start + self._count
        self.result = [-1] * self._count
        self._second = [-1] * self._count
        self._certainty = [_UNKNOWN] * self._count
        self._similarity: list[dict[int, int]] = [{} for _ in self.result]
        self._reach = min(_DISTANCE, self._old_count - 1)

    def match(self) -> None:
        """Match the surest line, then those before it and those behind it, each with what is left for them."""
        if not self._old_count or not self._count:
            return
        old_end = self._old_start + self._old_count
        parts = [(self._old_start, old_end, 0, self._count)]
        while parts:
            old_first, old_end, first, end = parts.pop()
            for line in range(first, end):
                if self._certainty[line] == _UNKNOWN:
                    self._compare(line, old_first, old_end)
            highest = max(self._certainty[first:end])
            if highest < 0:
                continue
            surest = self._certainty.index(highest, first, end)
            match = self.result[surest]
            self._old.take(match, self._new[self.start + surest])
            self._forget(surest, match, first, end)
            if surest + 1 < end:
                parts.append((match, old_end, surest + 1, end))
            if first < surest:
                parts.append((old_first, match + 1, first, surest))

    def _compare(self, line: int, old_first: int, old_end: int) -> None:
        """Find the two most similar old lines among those not far from a line's own place."""
        place = self._place(line)
        mark = self._new[self.start + line]
        known = self._similarity[line]
        best = second = 0
        result = other = old_first
        for old in range(max(old_first, place - self._reach), min(old_end, place + self._reach + 1)):
            similarity = known.get(old)
            if similarity is None:
                similarity = known[old] = len(mark & self._old[old]) * (_TIE - abs(old - place))
            if similarity > best:
                second, other = best, result
                best, result = similarity, old
            elif similarity > second:
                second, other = similarity, old
        if best:
            self.result[line], self._second[line] = result, other
            self._certainty[line] = best * 2 - second
        else:
            self.result[line] = -1
            self._certainty[line] = _NOTHING

    def _forget(self, surest: int, match: int, first: int, end: int) -> None:
        """Forget what the choice of the surest line makes wrong: similarity with its match, and crossing matches."""
        reach = ((2 * self._reach + 1) * self._count - 1) // self._old_count
        for line in range(max(first, surest - reach), min(end, surest + reach + 1)):
            self._similarity[line].pop(match, None)
            if self._certainty[line] < 0 or line == surest:
                continue
            matches = (self.result[line], self._second[line])
            if max(matches) >= match if line < surest else min(matches) <= match:
                self._certainty[line] = _UNKNOWN

    def _place(self, line: int) -> int:
        """Return the old line that stands where a line stands, in proportion."""
        return self._old_start + (line * 2 + 1) * self._old_count // (self._count * 2)


def _fingerprint(text: bytes) -> Fingerprint:
    """Take the fingerprint of a line in which all white space is NUL, without any at its ends."""
    framed = memoryview(b"\0%b\0" % text)
    even = len(framed) & ~1
    # Those at even places, and those between them.
    pairs = [*framed[:even].cast("H"), *framed[1 : len(framed) - (even == len(framed))].cast("H")]
    found = set(pairs)
    if len(found) == len(pairs) and 0 not in found:
        return found
    pairs.sort()
    del pairs[: bisect_right(pairs, 0)]  # white space next to white space does not count
    return _numbered(pairs)


def _numbered(pairs: Sequence[int]) -> Fingerprint:
    """Give the occurrences of each pair their numbers; the pairs are in order."""
    found = set(pairs)
    number = 0
    for last, pair in pairwise(pairs):
        if pair == last:
            number += _PAIR
            found.add(pair + number)
        else:
            number = 0
    return found


def _rarity(pair: int) -> int:
    """Guess how rare a pair of characters is."""
    return _RARITY[pair & 255] + _RARITY[pair >> 8]

"""Generated histories: renames, copies, merges of any kind, and line endings, for property tests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from ..repositories import RepositoryFactory

Tree = dict[str, list[str]]

PATHS = ("a.py", "b.py", "pkg/a.py", "pkg/__init__.py", "pkg/ü b.py", 'q"uote\n.py', "x\udcffy.py")
LINES = st.integers(0, 25).map(lambda number: f"value_{number} = {number * 7919} # text")
ENDINGS = st.sampled_from(["\n", "\n", "\n", "\r\n", " \r x\n", "\f\n"])


@dataclass(frozen=True)
class Made:
    """One commit of a generated history."""

    parents: tuple[int, ...]
    tree: Tree
    minute: int


@st.composite
def histories(draw: Any) -> list[Made]:
    """Draw commits, parents first; the last one reaches every other."""
    made = [Made((), _edited(draw, {}), 0)]
    heads = [0]
    for number in range(1, draw(st.integers(2, 9))):
        several = len(heads) > 1 and draw(st.booleans())
        count = draw(st.integers(2, min(3, len(heads)))) if several else 1
        parents = tuple(draw(st.permutations(heads))[:count])
        trees = [made[parent].tree for parent in parents]
        tree = _merged(draw, trees) if several else trees[0]
        if not several or draw(st.booleans()):
            tree = _edited(draw, tree)
        # Dates may be equal or run backwards: only the order of parents counts.
        made.append(Made(parents, tree, draw(st.integers(0, 3))))
        keep_open = not several and draw(st.booleans())
        heads = [head for head in heads if head not in parents or keep_open] + [number]
    if len(heads) > 1:
        made.append(Made(tuple(heads), _merged(draw, [made[head].tree for head in heads]), 3))
    return made


def write(repo: RepositoryFactory, history: list[Made]) -> list[str]:
    """Write a history to the branch ``made`` and return the SHAs, parents first."""
    stream = bytearray()
    for number, commit in enumerate(history, 1):
        ada = f"Ada <ada@example.com> {1_700_000_000 + commit.minute * 60} +0000"
        message = f"Number {number}"
        stream += f"commit refs/heads/made\nmark :{number}\ncommitter {ada}\ndata {len(message)}\n{message}\n".encode()
        for index, parent in enumerate(commit.parents):
            stream += f"{'merge' if index else 'from'} :{parent + 1}\n".encode()
        stream += b"deleteall\n"
        for path, lines in commit.tree.items():
            name = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
            content = "".join(lines).encode()
            stream += b'M 100644 inline "%s"\ndata %d\n%s\n' % (name, len(content), content)
        stream += b"\n"
    repo.git("update-ref", "-d", "refs/heads/made")
    marks = repo.path / ".git" / "made-marks"
    repo.git("fast-import", "--quiet", "--force", f"--export-marks={marks}", input=bytes(stream))
    by_mark = dict(line.split(" ") for line in marks.read_text().splitlines())
    return [by_mark[f":{number}"] for number in range(1, len(history) + 1)]


def _edited(draw: Any, tree: Tree) -> Tree:
    tree = dict(tree)
    for _ in range(draw(st.integers(1, 3))):
        known = sorted(tree)
        what = draw(st.sampled_from(["add", "edit", "edit", "rename", "copy", "remove", "swap", "endings"]))
        if what == "add" or not known:
            tree[draw(st.sampled_from(PATHS))] = _lines(draw, 0, 10)
            continue
        path = draw(st.sampled_from(known))
        if what == "edit":
            tree[path] = _edit(draw, tree[path])
        elif what in {"rename", "copy"}:
            target = draw(st.sampled_from(PATHS))
            tree[target] = _edit(draw, tree[path]) if draw(st.booleans()) else tree[path]
            if what == "rename" and target != path:
                del tree[path]
        elif what == "remove":
            del tree[path]
        elif what == "swap":
            other = draw(st.sampled_from(known))
            tree[path], tree[other] = tree[other], tree[path]
        else:
            tree[path] = [line.rstrip("\r\n") + "\r\n" for line in tree[path]]
    return tree


def _lines(draw: Any, least: int, most: int) -> list[str]:
    return [
        line + ending
        for line, ending in draw(st.lists(st.tuples(LINES, ENDINGS), min_size=least, max_size=most))
    ]


def _edit(draw: Any, lines: list[str]) -> list[str]:
    start = draw(st.integers(0, len(lines)))
    end = draw(st.integers(start, min(start + 3, len(lines))))
    edited = [*lines[:start], *_lines(draw, 0, 2), *lines[end:]]
    if edited and draw(st.integers(0, 9)) == 0:
        edited[-1] = edited[-1].rstrip("\r\n")
    return edited


def _merged(draw: Any, trees: list[Tree]) -> Tree:
    """Take each file from one parent, from all of them line by line, or from none."""
    merged: Tree = {}
    for path in sorted({path for tree in trees for path in tree}):
        versions = [tree[path] for tree in trees if path in tree]
        how = draw(st.sampled_from(["one", "mix", "mix", "none" if len(versions) < len(trees) else "one"]))
        if how == "one":
            merged[path] = draw(st.sampled_from(versions))
        elif how == "mix":
            longest = max(len(version) for version in versions)
            rows = [[version[index : index + 1] for version in versions] for index in range(longest)]
            merged[path] = [line for row in rows for line in draw(st.sampled_from(row))]
    return merged

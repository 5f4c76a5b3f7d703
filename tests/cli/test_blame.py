"""``byline blame`` on real repositories: the answer, every piece of evidence, edits, and what cannot be answered."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from byline._attribution.answers import reason_of
from byline._attribution.explain import explain
from byline._attribution.scan import scan
from byline._attribution.testimony import Claim, judge
from byline._model import Attribution, Evidence

from ..repositories import RepositoryFactory

CLAUDE = "Add it (#7)\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
START = "import os\n\n\nclass Cart:\n    def total(self):\n        return 1\n\n\nclass Order:\n    def total(self):\n        return 2\n"
ADDED = START + "\n\ndef discount(price):\n    if price > 10:\n        return price * 0.9\n    return price\n"
SESSION = "s_0123456789abcd"


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryFactory:
    made = RepositoryFactory(tmp_path / "repository")
    made.commit({"shop.py": START}, message="Start")
    made.commit({"shop.py": ADDED}, message=CLAUDE)
    return made


def byline(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byline", "blame", *words],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def told(folder: Path, *words: str) -> dict:
    done = byline(folder, "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


def standings(line: dict) -> list[tuple[str, str]]:
    return [(each["source"], each["standing"]) for each in line["evidence"]]


def note(repo: RepositoryFactory, lines: str, *, human: str = "") -> None:
    people = f"  h_0123456789abcd {human}\n" if human else ""
    repo.note(
        "refs/notes/ai",
        repo.git("rev-parse", "HEAD"),
        f"shop.py\n  {SESSION}::t_0123456789abcd {lines}\n{people}---\n"
        '{"schema_version": "authorship/3.0.0", "base_commit_sha": "x", "prompts": {}, '
        f'"sessions": {{"{SESSION}": {{"agent_id": {{"tool": "cursor", "id": "1", "model": "gpt-5"}}}}}}, '
        '"humans": {"h_0123456789abcd": {"author": "Ana <ana@example.org>"}}}',
    )


def test_every_line(repo):
    """
    Each line of a file has its commit, verdict, tool, model and confidence.
    """
    lines = told(repo.path, "shop.py")["lines"]

    head = repo.git("rev-parse", "HEAD")
    assert ADDED.splitlines() == [each["code"] for each in lines]
    assert ["unknown"] * 11 + ["ai"] * 6 == [each["verdict"] for each in lines]
    assert (head, "claude", "Claude Opus 4.6", "medium", "trailer", 14) == tuple(
        lines[13][key] for key in ("commit", "tool", "model", "confidence", "source", "commit_line")
    )


def test_every_function(repo):
    """
    Each function has its verdict, its share, its commits and the reason.
    """
    found = {each["qualname"]: each for each in told(repo.path, "shop.py")["functions"]}

    assert ["Cart.total", "Order.total", "discount"] == list(found)
    discount = found["discount"]
    assert ("ai", 4, 4, "ok") == tuple(discount[key] for key in ("verdict", "ai_lines", "lines", "status"))
    assert discount["commit"] == discount["last_commit"] == repo.git("rev-parse", "HEAD")
    assert "4 of 4 behaviour lines are by AI" in discount["reason"]
    assert "no line of it carries a sign of AI" == found["Cart.total"]["reason"]


def test_line_that_nothing_speaks_of(repo):
    """
    A line without a sign is unknown, and the answer says where it looked.
    """
    (line,) = told(repo.path, "shop.py:1")["lines"]

    assert ("unknown", []) == (line["verdict"], line["evidence"])
    assert "does not prove a person" in line["remarks"][0]


def test_note_overrules_the_trailer(repo):
    """
    Where a note and a trailer disagree, both are shown: which one decides, which is overruled, and why.
    """
    note(repo, "14-15", human="16-17")

    by_tool, by_person = (told(repo.path, f"shop.py:{number}")["lines"][0] for number in (14, 16))

    assert [("note", "decides"), ("trailer", "overruled")] == standings(by_tool) == standings(by_person)
    assert ("ai", "cursor", "high") == tuple(by_tool[key] for key in ("verdict", "tool", "confidence"))
    assert "human" == by_person["verdict"]
    assert "a git note outranks a trailer" == by_person["evidence"][1]["reason"]


def test_line_that_a_note_leaves_out(repo):
    """
    What a tool's note leaves out falls back to the trailer, with low confidence and the reason for it.
    """
    note(repo, "14-15")

    (line,) = told(repo.path, "shop.py:17")["lines"]

    assert ("ai", "claude", "low") == tuple(line[key] for key in ("verdict", "tool", "confidence"))
    assert [("trailer", "decides")] == standings(line)
    assert "low instead of medium" in line["evidence"][0]["reason"]
    assert "leaves this line out" in line["remarks"][0]


def test_comment_and_decorator(repo):
    """
    A comment in the code is evidence with the lines it covers, and a decorator with its function.
    """
    marked = ADDED.replace("def discount", "# @ai-generated tool=cursor\ndef discount")
    marked = marked.replace("class Cart:\n", "class Cart:\n    @ai_generated\n")
    repo.commit({"shop.py": marked}, message="Mark what AI wrote")

    found = told(repo.path, "shop.py")["lines"]

    commented = next(each for each in found if "price * 0.9" in each["code"])
    decorated = next(each for each in found if each["code"].endswith("return 1"))
    assert [("comment", "decides"), ("trailer", "overruled")] == standings(commented)
    assert "lines 16 to 19" in commented["evidence"][0]["where"]
    assert [("decorator", "decides")] == standings(decorated)
    assert "Cart.total" in decorated["evidence"][0]["where"]


def test_agrees_with_the_manifest(repo):
    """
    The verdict on each line and function is the one that a scan writes into the manifest.
    """
    note(repo, "14-15", human="16")
    manifest = scan(repo.path, everything=True).manifest().by_path("shop.py")
    found = explain(repo.path / "shop.py")

    assert [line.evidence for line in found.lines] == [
        manifest.line(number).evidence for number in range(1, len(manifest) + 1)
    ]
    assert dict(manifest.functions()) == {
        each.function: each.attribution for each in found.functions if each.attribution.evidence
    }


def test_uncommitted_lines(repo):
    """
    Lines of the work tree that are not committed say so; the others keep their owners.
    """
    (repo.path / "shop.py").write_text(ADDED.replace("import os\n", "import os\nimport re\n"))

    lines = told(repo.path, "shop.py")["lines"]

    assert {2: "uncommitted"} == {
        each["line"]: each["state"] for each in lines if each["state"] != "committed"
    }
    assert ("ai", 14) == (lines[14]["verdict"], lines[14]["commit_line"])


def test_edited_function(repo):
    """
    An edited function is stale: the answer is the committed one's, and says how many lines are new.
    """
    (repo.path / "shop.py").write_text(ADDED.replace("price > 10", "price > 20"))

    (found,) = told(repo.path, "shop.py:discount")["functions"]

    assert ("ai", "stale", True) == (
        found["verdict"],
        found["status"],
        "1 uncommitted line," in found["reason"],
    )


def test_moved_function_is_not_stale(repo):
    """
    A function that only moved down, since lines above it are new, is still the committed one.
    """
    (repo.path / "shop.py").write_text("# a\n# b\n" + ADDED)

    (found,) = told(repo.path, "shop.py:discount")["functions"]

    assert ("ai", "ok", 16) == (found["verdict"], found["status"], found["line"])


def test_new_function(repo):
    """
    A function that is not committed is nobody's yet.
    """
    (repo.path / "shop.py").write_text(ADDED + "\n\ndef new():\n    return 3\n")

    (found,) = told(repo.path, "shop.py:new")["functions"]

    assert ("unknown", "stale", "it is not committed") == tuple(
        found[key] for key in ("verdict", "status", "reason")
    )


def test_removed_lines(repo):
    """
    Lines that were removed shift the ones below, and nothing else.
    """
    (repo.path / "shop.py").write_text(ADDED.replace("import os\n\n\n", ""))

    lines = told(repo.path, "shop.py")["lines"]

    assert {"committed"} == {each["state"] for each in lines}
    assert (1, 4) == (lines[0]["line"], lines[0]["commit_line"])


def test_new_file(repo):
    """
    A file that is not committed has no owner for any line, and the cure is named.
    """
    (repo.path / "new.py").write_text("def f():\n    return 1\n")

    found = told(repo.path, "new.py")

    assert ["uncommitted"] * 2 == [each["state"] for each in found["lines"]]
    assert ["f"] == [each["qualname"] for each in found["functions"]]
    assert "not committed" == found["unverified"][0]["reason"]


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("nowhere.py", 1, ["'nowhere.py'", "is not there"]),
        (".", 1, ["is a folder"]),
        ("shop.py:0", 1, ["has 17 lines", "no line 0"]),
        ("shop.py:18", 1, ["has 17 lines", "no line 18"]),
        ("shop.py:total", 1, ["names 2 functions", "Cart.total (line 5)", "Order.total (line 10)"]),
        ("shop.py:nothing", 1, ["no function 'nothing'", "discount (line 14)"]),
        ("shop.py:-3", 1, ["'shop.py:-3'"]),
    ],
    ids=["file", "folder", "line-0", "line-after-the-end", "ambiguous", "function", "odd"],
)
def test_no_answer(repo, what, status, said):
    """
    What cannot be answered is one sentence that names it, with the choices there are.
    """
    done = byline(repo.path, what)

    assert (status, "", True) == (done.returncode, done.stdout, all(part in done.stderr for part in said))
    assert "Traceback" not in done.stderr


def test_outside_of_a_repository(tmp_path):
    """
    A file outside of any repository is an error with status 2.
    """
    (tmp_path / "a.py").write_text("x = 1\n")

    done = byline(tmp_path, "a.py")

    assert (2, True) == (done.returncode, "not in a git repository" in done.stderr)


def test_names(repo):
    """
    A qualified name, the module's name before it, and a part that only one function has name a function.
    """
    names = ["Cart.total", "shop.Cart.total", "discount"]

    assert ["Cart.total", "Cart.total", "discount"] == [
        told(repo.path, f"shop.py:{name}")["functions"][0]["qualname"] for name in names
    ]


def test_file_with_a_colon(repo):
    """
    A file that has a colon in its name is that file.
    """
    repo.commit({"odd:1": "text\n"})

    assert ["text"] == [each["code"] for each in told(repo.path, "odd:1")["lines"]]


def test_from_a_subfolder_and_through_a_link(repo):
    """
    The file is named from where one is, also through a symbolic link to its folder.
    """
    (repo.path / "sub").mkdir()
    (repo.path.parent / "link").symlink_to(repo.path)

    assert "shop.py" == told(repo.path / "sub", "../shop.py:1")["path"]
    assert "shop.py" == told(repo.path.parent, "link/shop.py:1")["path"]


def test_file_that_does_not_parse(repo):
    """
    A file that does not parse still has lines; that it has no functions is said.
    """
    repo.commit({"broken.py": "def f(:\n"}, message=CLAUDE)

    found = told(repo.path, "broken.py")

    assert ["ai"] == [each["verdict"] for each in found["lines"]]
    assert "syntax error" in found["unverified"][0]["reason"]


def test_windows_line_ends(repo):
    """
    Lines with CR and LF are shown without either.
    """
    repo.commit({"dos.py": "x = 1\r\ny = 2\r\n"}, message=CLAUDE)

    assert ["x = 1", "y = 2"] == [each["code"] for each in told(repo.path, "dos.py")["lines"]]


def test_shallow_clone(repo):
    """
    A line older than a shallow clone's edge is unknown, and no commit is named.
    """
    clone = repo.path.parent / "clone"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(clone))

    (line,) = told(clone, "shop.py:15")["lines"]

    assert ("unknown", "unknown", "") == (line["state"], line["verdict"], line["commit"])
    assert "shallow" in line["remarks"][0]


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("shop.py", ["17 lines, 6 ai, 11 unknown", "Functions", "Commits", "decides", "no sign of AI", "Next"]),
        ("shop.py:discount", ["lines 14 to 17", "written by", "last changed by", "4 of 4 behaviour lines"]),
        ("shop.py:15", ["Claude Opus 4.6", "confidence medium", "Add it (#7)", "trailer", "Function", "discount"]),
        ("shop.py:1", ["unknown", "Start", "does not prove a person"]),
    ],
    ids=["file", "function", "line", "line-without-a-sign"],
)  # fmt: skip
def test_for_people(repo, what, parts):
    """
    People read the answer, the evidence and where to go on, without colours in a pipe.
    """
    done = byline(repo.path, what)

    assert (0, "", []) == (done.returncode, done.stderr, [part for part in parts if part not in done.stdout])
    assert "\x1b" not in done.stdout


def test_edits_for_people(repo):
    """
    Uncommitted lines, edited functions and what was not checked stand out.
    """
    repo.commit({"other.py": "def f(:\n"})
    (repo.path / "shop.py").write_text(ADDED.replace("price > 10", "price > 20"))

    whole, line, broken = (byline(repo.path, what).stdout for what in ("shop.py", "shop.py:15", "other.py"))

    assert ("1 not committed" in whole, "edited since" in whole) == (True, True)
    assert "not committed: git cannot tell who wrote it" in line
    assert "other.py: syntax error in line 1" in broken


def test_colours(repo):
    """
    A terminal gets colours, and so does a pager that asks for them.
    """
    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "byline", "blame", "shop.py:15"],
        cwd=repo.path, stdout=other, stdin=other, env={**os.environ, "TERM": "xterm-256color"},
    ):  # fmt: skip
        os.close(other)
        shown = b""
        while True:
            try:
                shown += os.read(main, 1024)
            except OSError:
                break
    os.close(main)

    assert b"\x1b[" in shown
    assert "\x1b[" in byline(repo.path, "shop.py:15", FORCE_COLOR="1").stdout


def test_pager_that_ends_early(repo):
    """
    A reader that ends early, as a pager does, is no error.
    """
    repo.commit({"long.py": "x = 1\n" * 5000})
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m byline blame long.py | head -1"],
        cwd=repo.path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert ("", 1) == (done.stderr, len(done.stdout.splitlines()))


def test_hostile_text(repo):
    """
    What a terminal would obey, in code or in a subject, is shown and not obeyed.
    """
    repo.commit({"bad.py": "x = 1  # \x1b[2J\u202e\n"}, message="Bad \x1b[31m subject")

    done = byline(repo.path, "bad.py")

    assert (0, False, False) == (done.returncode, "\x1b" in done.stdout, "\u202e" in done.stdout)


def test_file_of_another_language(repo):
    """
    A file that is not Python has lines with their evidence, and no functions.
    """
    repo.commit({"notes.txt": "one\n"}, message="Start")
    repo.commit({"notes.txt": "one\ntwo\n"}, message=CLAUDE)

    lines = told(repo.path, "notes.txt")["lines"]
    done = byline(repo.path, "notes.txt:main")

    assert ["unknown", "ai"] == [each["verdict"] for each in lines]
    assert [("trailer", "decides")] == standings(lines[1])
    assert (1, True) == (done.returncode, "has no functions" in done.stderr)


def test_excluded_file(repo):
    """
    A file that scans leave out is explained all the same.
    """
    repo.commit({"pyproject.toml": '[tool.byline]\nexclude = ["shop.py"]\n'})

    assert "ai" == told(repo.path, "shop.py:15")["lines"][0]["verdict"]


def test_record_that_saw_no_ai(repo):
    """
    A note that covers its whole commit and names no AI overrules the trailer of that commit.
    """
    empty = (
        '---\n{"schema_version": "authorship/3.0.0", "base_commit_sha": "x", "prompts": {}, "sessions": {}}'
    )
    repo.note("refs/notes/ai", repo.git("rev-parse", "HEAD"), empty)

    (line,) = told(repo.path, "shop.py:15")["lines"]

    assert ("unknown", [("trailer", "overruled")]) == (line["verdict"], standings(line))
    assert "saw no AI" in line["remarks"][0]


def test_many_functions(repo):
    """
    Of many functions, a few are listed and the rest are counted.
    """
    repo.commit({"many.py": "".join(f"def f{number}():\n    pass\n\n\n" for number in range(30))})

    done = byline(repo.path, "many.py:nothing")

    assert (1, True) == (done.returncode, "f11 (line 45), and 18 more" in done.stderr)


def test_many_commits_and_parts(repo):
    """
    Commits without a sign of AI are counted after the first few, and so are a commit's scattered lines.
    """
    start = "".join(f"old_{number} = 0\n" for number in range(30))
    repo.commit({"many.py": start}, message=CLAUDE)
    note(repo, "1")
    text = start
    for number in range(0, 12, 2):
        text = text.replace(f"old_{number} = 0", f"new_{number} = 1")
        repo.commit({"many.py": text}, message=f"Number {number}")
    head = repo.git("rev-list", "--max-count=1", "HEAD~6")
    repo.note(
        "refs/notes/ai",
        head,
        repo.git("notes", "--ref=ai", "show", head)
        .replace("shop.py", "many.py")
        .replace(" 1\n", " 2,4,6,8,10,12,14,16,18\n"),
    )

    shown = byline(repo.path, "many.py").stdout

    assert "and 3 more commits with 3 lines" in shown
    assert "and 3 more parts" in shown


def test_many_doubts(repo):
    """
    What was not checked is listed up to a few, and counted beyond that.
    """
    for number in range(5):
        sha = repo.commit({"shop.py": ADDED + f"x = {number}\n" * (number + 1)})
        repo.note("refs/notes/ai", sha, "shop.py\n  broken")
    (repo.path / "shop.py").write_text("def f(:\n" + ADDED)

    done = byline(repo.path, "shop.py")

    assert (0, True) == (done.returncode, "Not checked" in done.stdout)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (Attribution(), "no line of it carries a sign of AI"),
        (Attribution("human"), "tools record every line as a person's"),
        (Attribution("ai", evidence="decorator"), "marked by a decorator; git says nothing of its lines"),
        (Attribution("ai", evidence="decorator", ai_lines=1, lines=4), "it is marked by a decorator"),
        (Attribution("ai", evidence="note", ai_lines=2, lines=4), "from 50% on a function counts as AI"),
        (Attribution("ai", evidence="note", ai_lines=3, lines=9), "AI changed it last; then 3 lines are enough"),
        (Attribution("unknown", evidence="note", ai_lines=3, lines=9), "3 of 9 behaviour lines are by AI, less than 50%"),
    ],
    ids=["no-sign", "human", "decorator", "decorator-and-lines", "share", "changed-last", "too-few"],
)  # fmt: skip
def testreason_of(who, expected):
    """
    The reason for a function's verdict is the rule that it rests on.
    """
    assert expected in reason_of(who, 0.5)


AI_NOTE = Evidence("ai", "note", "cursor", "high")
TRAILER = Evidence("ai", "trailer", "claude", "medium")
COMMENT = Evidence("ai", "comment", "claude", "medium")


@pytest.mark.parametrize(
    ("claims", "winner", "saw_none", "expected"),
    [
        ([], None, False, []),
        ([TRAILER], None, True, ["overruled"]),
        ([TRAILER], None, False, ["unused"]),
        ([TRAILER, Evidence("unknown", "note", "", "none")], None, False, ["decides", "overruled"]),
        ([AI_NOTE, TRAILER], TRAILER, False, ["decides", "unused"]),
        ([TRAILER, Evidence("ai", "marker", "claude", "low")], TRAILER, False, ["decides", "agrees"]),
        ([TRAILER, Evidence("ai", "trailer", "codex", "medium")], TRAILER, False, ["decides", "overruled"]),
        ([], AI_NOTE, False, ["decides"]),
        ([Evidence("ai", "comment", "unknown", "medium"), TRAILER], COMMENT, False, ["decides", "agrees"]),
    ],
    ids=[
        "nothing",
        "saw-none",
        "unused",
        "says-unknown",
        "elsewhere",
        "agrees",
        "two-tools",
        "not-gathered",
        "added-to",
    ],
)
def test_standing(claims, winner, saw_none, expected):
    """
    Each piece of evidence decides, agrees, is overruled, or does not reach the line.
    """
    judged = judge([Claim(each, "here") for each in claims], winner, saw_none=saw_none)

    assert expected == [each.standing for each in judged]
    assert all(each.reason for each in judged)

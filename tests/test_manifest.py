"""The manifest: written once, read back, recognised by content, refused when it is not right."""

from __future__ import annotations

import json
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from byline._manifest import (
    FileRecord,
    FunctionRecord,
    Header,
    LineRun,
    Manifest,
    Release,
    blob_id,
    find,
    reader,
    render,
    text_hash,
    write,
)
from byline._manifest.records import FRONT, MAGIC
from byline._model import Attribution, Commit, Contribution, Evidence, Function, Unverified
from byline.exceptions import ManifestError, UnknownCommitError

SOURCE = b"import os\n\n\ndef total(items):\n    return sum(items)\n\n\ndef other():\n    return os.name\n"
AI = "a" * 40
HUMAN = "b" * 40
CLAUDE = Evidence("ai", "trailer", "claude", "medium", "Claude Opus 4.6", "s-1")
COMMITS = {
    AI: Commit(AI, "Add totals (#7)", 1_700_000_000, "Ben", "Ben", "7", (CLAUDE,)),
    HUMAN: Commit(HUMAN, "Start", 1_600_000_000, "Ana", "Ana"),
}


def record(path: str = "src/shop/cart.py", source: bytes = SOURCE) -> FileRecord:
    function = Function("shop.cart", "total", path, 4, 4, 5)
    attribution = Attribution(
        "ai", "medium", "ok", AI, AI, "Ben", "claude", "Claude Opus 4.6", "trailer", "s-1", "7", 2, 2,
        1_700_000_000, (Contribution(AI, 2),),
    )  # fmt: skip
    runs = (LineRun(3, HUMAN), LineRun(2, AI, CLAUDE), LineRun(2, HUMAN), LineRun(2))
    text = text_hash(source.split(b"\n")[3:5])
    return FileRecord(
        path, "shop.cart", blob_id(source).hex(), (FunctionRecord(function, attribution, text),), runs
    )


HEADER = Header(
    "c" * 40,
    "main",
    "https://example.org/shop",
    functions=2,
    ai_functions=1,
    unverified=(Unverified("x", "y", "z"),),
)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    path = tmp_path / "byline.manifest"
    write(path, HEADER, [record()], COMMITS)
    return Manifest.open(path)


def test_round_trip(manifest):
    """
    A function comes back as it was written.
    """
    file = manifest.by_source(SOURCE)

    assert (record().functions[0].function, record().functions[0].attribution) == file.function(4, "total")


def test_header_round_trip(manifest):
    """
    The header comes back as it was written.
    """
    assert HEADER == manifest.header


def test_blob_id_is_gits(tmp_path):
    """
    A file's key is the id git gives its content.
    """
    path = tmp_path / "file"
    path.write_bytes(SOURCE)
    told = subprocess.run(["git", "hash-object", str(path)], capture_output=True, check=True, text=True)

    assert told.stdout.strip() == blob_id(SOURCE).hex()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, HUMAN), (3, HUMAN), (4, AI), (5, AI), (6, HUMAN), (8, None), (9, None), (10, None), (0, None)],
    ids=str,
)
def test_line(manifest, number, expected):
    """
    Each line knows its commit; a line without a known owner, or outside the file, has none.
    """
    found = manifest.by_source(SOURCE).line(number)

    assert expected == (found.commit.sha if found else None)


def test_line_verdict(manifest):
    """
    A line says AI only where its evidence does; a missing sign is no proof of a person.
    """
    file = manifest.by_source(SOURCE)

    assert ["unknown", "ai"] == [file.line(1).verdict, file.line(4).verdict]


def test_windows_line_ends_are_the_same_file(manifest):
    """
    A checkout with CRLF is still the code that was scanned.
    """
    assert manifest.by_source(SOURCE.replace(b"\n", b"\r\n")) is manifest.by_source(SOURCE)


def test_edited_file_is_not_recognised(manifest):
    """
    One changed byte, and the file is not the code that was scanned.
    """
    assert manifest.by_source(SOURCE + b"#") is None


def test_moved_function(manifest):
    """
    In a changed file, a function with the same text is found at its new place.
    """
    edited = b"import sys\nimport re\n" + SOURCE

    function, attribution = manifest.by_path("src/shop/cart.py").moved("total", 6, edited.split(b"\n"))

    assert (6, 7, AI) == (function.line, function.end_line, attribution.commit)


def test_changed_function_is_not_moved(manifest):
    """
    A function with another text is not taken for the scanned one.
    """
    edited = SOURCE.replace(b"sum(items)", b"sum(items) + 1")

    assert manifest.by_path("src/shop/cart.py").moved("total", 4, edited.split(b"\n")) is None


def test_function_that_grew_is_not_moved(manifest):
    """
    A function whose text goes on is not taken for the scanned one.
    """
    edited = SOURCE.replace(b"return sum(items)\n", b"return sum(items)\n    # more\n    print()\n")

    assert manifest.by_path("src/shop/cart.py").moved("total", 4, edited.split(b"\n")) is None


@pytest.mark.parametrize(
    "path",
    ["src/shop/cart.py", "/srv/app/src/shop/cart.py", "C:\\app\\src\\shop\\cart.py"],
    ids=["same", "below", "windows"],
)
def test_by_path(manifest, path):
    """
    A file is found by any path that ends in its own.
    """
    assert manifest.by_path(path).path == "src/shop/cart.py"


def test_by_path_needs_whole_parts(manifest):
    """
    A file whose name merely ends alike is another file.
    """
    assert manifest.by_path("my_src/shop/cart.py".replace("/src", "/xsrc")) is None


def test_same_content_twice(tmp_path):
    """
    Of two files with equal content, the one whose path fits is taken.
    """
    data = render(HEADER, [record("a/cart.py"), record("b/cart.py")], COMMITS)

    assert "b/cart.py" == Manifest.load(data, Path("m")).by_source(SOURCE, "/srv/b/cart.py").path


def test_bytes_are_deterministic():
    """
    The same content gives the same bytes, in whatever order it was found.
    """
    one = render(HEADER, [record("a.py"), record("b.py")], COMMITS)
    other = render(HEADER, [record("b.py"), record("a.py")], dict(reversed(COMMITS.items())))

    assert one == other


def test_only_named_commits_are_kept(manifest):
    """
    A commit that owns nothing is not in the manifest.
    """
    assert {AI, HUMAN} == {commit.sha for commit in manifest.commits()}


def test_commit_by_prefix(manifest):
    """
    A prefix names a commit.
    """
    assert "Add totals (#7)" == manifest.commit("aaaaaa").subject


@pytest.mark.parametrize("prefix", ["cccc", "aaa", "", "zzzz"], ids=["unknown", "short", "empty", "no-hex"])
def test_unknown_commit(manifest, prefix):
    """
    A prefix that names no commit, or is too short, is an error that repeats it.
    """
    with pytest.raises(UnknownCommitError, match=repr(prefix)):
        manifest.commit(prefix)


def test_ambiguous_commit(tmp_path):
    """
    A prefix of several commits is an error that lists them.
    """
    twins = {sha: Commit(sha, "", 0, "", "") for sha in ("abcd" + "0" * 36, "abcd" + "1" * 36)}
    file = FileRecord("a.py", "a", "0" * 40, (), tuple(LineRun(1, sha) for sha in twins))

    with pytest.raises(UnknownCommitError, match="abcd00000000, abcd11111111"):
        Manifest.load(render(HEADER, [file], twins), Path("m")).commit("abcd")


def test_missing(tmp_path):
    """
    A missing manifest is an error that says how to make one.
    """
    with pytest.raises(ManifestError, match="byline scan"):
        Manifest.open(tmp_path / "none")


@pytest.mark.parametrize("kept", [0, 5, 18, 40, 300, -1], ids=str)
def test_truncated(tmp_path, kept):
    """
    A manifest that was cut off anywhere is refused.
    """
    data = render(HEADER, [record()], COMMITS)
    path = tmp_path / "byline.manifest"
    path.write_bytes(data[:kept])

    with pytest.raises(ManifestError, match=r"damaged|not a byline manifest"):
        Manifest.open(path)


def test_newer_format(tmp_path):
    """
    A manifest of a newer format is refused with both numbers.
    """
    data = render(HEADER, [record()], COMMITS).replace(b"manifest 1\n", b"manifest 9\n")
    path = tmp_path / "byline.manifest"
    path.write_bytes(data)

    with pytest.raises(ManifestError, match="format 9; this byline reads format 1"):
        Manifest.open(path)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=400), prefix=st.booleans())
def test_arbitrary_bytes(data, prefix):
    """
    Whatever the file holds, the only error is ManifestError.
    """
    whole = b"byline manifest 1\n" + data if prefix else data
    with pytest.raises(ManifestError):
        Manifest.load(whole, Path("m"))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(min_value=0, max_value=2000), byte=st.integers(min_value=0, max_value=255))
def test_one_wrong_byte(at, byte):
    """
    A damaged byte is noticed or harmless; it never shows as another kind of error.
    """
    data = bytearray(render(HEADER, [record()], COMMITS))
    data[at % len(data)] = byte
    try:
        manifest = Manifest.load(bytes(data), Path("m"))
        for file in manifest.files():
            list(file.functions())
            file.line(1)
    except ManifestError:
        pass


def test_write_is_atomic(tmp_path):
    """
    When the manifest cannot be written, the error says so, and nothing is left behind.
    """
    folder = tmp_path / "folder"
    folder.write_text("in the way")

    with pytest.raises(ManifestError, match="cannot be written"):
        write(folder / "byline.manifest", HEADER, [], {})

    assert [folder] == list(tmp_path.iterdir())


def test_no_source_text_inside(manifest, tmp_path):
    """
    The manifest holds no line of the source.
    """
    shown = json.dumps([str(each) for file in manifest.files() for each in file.functions()])

    assert "sum(items)" not in shown


def test_find_upward(tmp_path):
    """
    The manifest is found in a folder above, or in that folder's .byline.
    """
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path / ".byline" / "byline.manifest", HEADER, [], {})

    assert tmp_path / ".byline" / "byline.manifest" == find("", inner)


def test_find_stops_at_the_repository(tmp_path):
    """
    A manifest above the repository belongs to something else.
    """
    write(tmp_path / "byline.manifest", HEADER, [], {})
    (tmp_path / "repo" / ".git").mkdir(parents=True)

    assert find("", tmp_path / "repo") is None


def test_find_named_but_missing(tmp_path):
    """
    A manifest that was named must be there.
    """
    with pytest.raises(ManifestError, match="nowhere"):
        find(str(tmp_path / "nowhere"))


def test_edited_file_gives_no_function(tmp_path):
    """
    Of an edited file, whatever the edit, no function counts as the scanned one; those with the same text are moved.
    """
    path = tmp_path / "byline.manifest"
    write(path, HEADER, [record()], COMMITS)
    manifest = Manifest.open(path)
    edits = [
        SOURCE.replace(b"sum(items)", b"max(items)"),
        SOURCE.replace(b"\n\n\ndef other", b"\n\n\n\ndef other"),
        SOURCE[:-1],
        b"\xef\xbb\xbf" + SOURCE,
        SOURCE.replace(b"    return sum", b"\treturn sum"),
    ]

    assert [None] * len(edits) == [manifest.by_source(each, "src/shop/cart.py") for each in edits]


@settings(max_examples=100, deadline=None)
@given(at=st.integers(min_value=0, max_value=len(SOURCE) - 1), byte=st.integers(min_value=0, max_value=255))
def test_one_edited_byte(at, byte):
    """
    A file with any one byte changed is not the scanned file.
    """
    edited = bytearray(SOURCE)
    edited[at] = byte
    manifest = Manifest.load(render(HEADER, [record()], COMMITS), Path("m"))

    assert (bytes(edited) == SOURCE) is (manifest.by_source(bytes(edited)) is not None)


@pytest.mark.parametrize("few", [1_000, 100], ids=["held", "searched"])
def test_many_files(few, monkeypatch):
    """
    Each of many files is found by content, path and module, and none by a name it does not have.
    """
    monkeypatch.setattr(reader, "_FEW", few)
    sources = {f"shop/part_{number}.py": SOURCE + b"# %d\n" % number for number in range(200)}
    files = [
        replace(record(path, source), module=path.removesuffix(".py").replace("/", "."))
        for path, source in sources.items()
    ]
    manifest = Manifest.load(render(HEADER, files, COMMITS), Path("m"))

    for path, source in sources.items():
        module = path.removesuffix(".py").replace("/", ".")
        found = manifest.by_source(source), manifest.by_path(f"/srv/{path}"), manifest.by_module(module)
        assert [path] * 3 == [each.path for each in found]
        assert module in manifest.modules
        assert module.rpartition(".")[2] in manifest.tails
    assert "part_200" not in manifest.tails
    assert "part_1" not in manifest.modules
    assert sorted(sources) == [file.path for file in manifest.files()]


def test_equal_names_in_many_folders():
    """
    Of many files with one name, the path and the module decide.
    """
    paths = [f"{folder}/__init__.py" for folder in ("a", "b", "b/c", "c")]
    files = [
        replace(record(path), module=path.removesuffix("/__init__.py").replace("/", ".")) for path in paths
    ]
    manifest = Manifest.load(render(HEADER, files, COMMITS), Path("m"))

    assert ["b/c/__init__.py", "c/__init__.py"] == [
        manifest.by_path("/srv/b/c/__init__.py").path,
        manifest.by_module("c").path,
    ]


@pytest.mark.parametrize("name", [3, None, ("a",)], ids=str)
def test_only_text_is_a_name(manifest, name):
    """
    What is no text is the name of nothing.
    """
    assert [False, False] == [name in manifest.tails, name in manifest.modules]


def test_a_look_up_reads_its_own_module_only():
    """
    Looking one file up reads no other file's functions and no other block of names or commits.
    """
    files = [record(f"part_{number:04}.py", SOURCE + b"# %d\n" % number) for number in range(500)]
    manifest = Manifest.load(render(HEADER, files, COMMITS), Path("m"))

    found = manifest.by_source(SOURCE + b"# 77\n")

    assert "part_0077.py" == found.path
    assert (1, 1) == (len(manifest._files), len(manifest._name_blocks))


def test_first_shipped_round_trip():
    """
    The release that a function first shipped in comes back as it was written; without one there is none.
    """
    release = Release("d" * 40, 1_650_000_000)
    known = record()
    shipped = replace(known, functions=(replace(known.functions[0], first_shipped=release),))
    plain = record("src/shop/other.py", SOURCE + b"#")
    manifest = Manifest.load(render(HEADER, [shipped, plain], COMMITS), Path("m"))

    place = known.functions[0].function
    assert (release, None) == (
        manifest.by_path("src/shop/cart.py").first_shipped(place),
        manifest.by_path("src/shop/other.py").first_shipped(place),
    )


def test_first_shipped_without_releases(manifest):
    """
    A manifest that keeps no track of releases names none.
    """
    assert manifest.by_source(SOURCE).first_shipped(record().functions[0].function) is None


def test_table_of_an_early_manifest(tmp_path):
    """
    A manifest without a table that every manifest has is refused, with the cure.
    """
    data = render(HEADER, [record()], COMMITS)
    start = len(MAGIC) + FRONT.size
    size = FRONT.unpack(data[len(MAGIC) : start])[0]
    front = json.loads(data[start : start + size])
    del front["sections"]["tails"]
    head = json.dumps(front).encode()

    with pytest.raises(ManifestError, match="Scan again"):
        Manifest.load(
            MAGIC + FRONT.pack(len(head), zlib.crc32(head)) + head + data[start + size :], Path("m")
        )

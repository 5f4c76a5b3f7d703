"""``byline build``: where the manifest goes, what runs with it where there is no git, and what it remembers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from byline._attribution.build import with_releases
from byline._manifest import FileRecord, FunctionRecord, Manifest, Release
from byline._manifest.find import _installed
from byline._model import Attribution, Function
from byline.exceptions import ManifestError

from ..packages import CART, CLAUDE, byline, project, run, without_git
from ..repositories import RepositoryFactory

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "build-in-ci.md"
MANIFEST = "src/shop/byline.manifest"
INSTRUCTION = re.compile(r"(ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|LABEL|RUN|USER|WORKDIR) \S")

with_page = pytest.mark.skipif(not PAGE.is_file(), reason="the documentation is not here")


@pytest.fixture
def repo(tmp_path: Path) -> RepositoryFactory:
    return project(tmp_path / "project")


def built(repo: RepositoryFactory, *words: str) -> dict:
    done = byline(repo.path, "build", "--json", *words)
    assert (0, "") == (done.returncode, done.stderr)
    return json.loads(done.stdout)


def shipped(repo: RepositoryFactory, path: str = "src/shop/cart.py") -> dict[str, Release | None]:
    file = Manifest.open(repo.path / MANIFEST).by_path(path)
    return {function.qualname: file.first_shipped(function) for function, _ in file.functions()}


def blocks(language: str) -> list[str]:
    text = PAGE.read_text("utf-8") if PAGE.is_file() else ""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# --- where it goes, and that it is found ---------------------------------------


@pytest.mark.parametrize(
    "words", [(), ("src/shop",), (".",), ("src",)], ids=["none", "package", "project", "src"]
)
def test_beside_the_package(repo, words):
    """
    The manifest goes beside the code of the named package, or of the project's only one.
    """
    told = built(repo, *words)

    assert (repo.path / MANIFEST).resolve() == (repo.path / told["manifest"]).resolve()
    assert (1, repo.git("rev-parse", "HEAD")) == (told["ai_functions"], told["release"]["revision"])
    assert "" == repo.git("status", "--porcelain")


def test_same_bytes_again(repo):
    """
    The same commit gives the same bytes.
    """
    built(repo, "-o", "one")
    built(repo, "-o", "two", "--previous", "one")

    assert (repo.path / "one").read_bytes() == (repo.path / "two").read_bytes()


def test_last_stage_of_an_image(repo, tmp_path):
    """
    Copied to where there is neither .git nor git, the program names the commit of its own function.
    """
    built(repo)
    site = without_git(repo, tmp_path / "app")

    (span,) = run(site)

    assert (repo.git("rev-parse", "HEAD"), "claude", "ok") == tuple(
        span[f"byline.{name}"] for name in ("commit", "tool", "status")
    )


def test_started_by_a_script_elsewhere(repo, tmp_path):
    """
    A console script or a server far from the package finds the manifest of the installed package.
    """
    built(repo)
    site = without_git(repo, tmp_path / "site-packages")
    script = tmp_path / "bin" / "serve"
    script.parent.mkdir()
    shutil.copy(site / "shop" / "__main__.py", script)

    (span,) = run(site, str(script))

    assert (repo.git("rev-parse", "HEAD"), "ok") == (span["byline.commit"], span["byline.status"])


def test_edited_in_the_image(repo, tmp_path):
    """
    A function that was patched in the image is not the one that was scanned: nothing is claimed of it.
    """
    built(repo)
    site = without_git(repo, tmp_path / "app")
    (site / "shop/cart.py").write_text(CART.replace("sum(items)", "sum(items) + 1"))

    assert [] == run(site)


def test_two_packages_with_a_manifest(tmp_path):
    """
    When several installed packages bring a manifest, none is guessed: the choices are named.
    """
    for name in ("one", "two", "three-1.0.dist-info"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "byline.manifest").touch()

    with pytest.raises(ManifestError, match=r"one/byline\.manifest.*two/byline\.manifest.*BYLINE_MANIFEST"):
        _installed([str(tmp_path / "missing"), str(tmp_path)])


def test_installed_package(tmp_path):
    """
    The one package with a manifest is found, in the first folder of the path that has one.
    """
    for name in ("a/shop", "b/other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "byline.manifest").touch()

    assert tmp_path / "a/shop/byline.manifest" == _installed([str(tmp_path / "a"), str(tmp_path / "b")])
    assert _installed([str(tmp_path)]) is None


# --- what it refuses -----------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (("src/other/__init__.py",), (), ["several packages", "src/other", "src/shop"]),
        ((), ("nowhere",), ["'nowhere'", "is not a folder"]),
        (("docs/page.md",), ("docs",), ["no package in 'docs'", "-o"]),
        ((), ("--previous", "nowhere"), ["no manifest at 'nowhere'"]),
    ],
    ids=["several", "missing", "no-package", "no-previous"],
)
def test_refused(repo, make, words, said):
    """
    What cannot be built is one sentence that names it.
    """
    (repo.path / "pyproject.toml").unlink()
    for name in make:
        (repo.path / name).parent.mkdir(parents=True, exist_ok=True)
        (repo.path / name).write_text("")

    done = byline(repo.path, "build", *words)

    assert (2, "", []) == (done.returncode, done.stdout, [part for part in said if part not in done.stderr])


@pytest.mark.parametrize("pyproject", ['[project]\nname = "shop"\n', '[project]\nname = "Shop"\n'], ids=str)
def test_project_name_decides(repo, pyproject):
    """
    Of several packages, the one with the project's name is meant; tests and examples never are.
    """
    for name in ("src/other/__init__.py", "tests/__init__.py"):
        (repo.path / name).parent.mkdir(parents=True)
        (repo.path / name).touch()
    (repo.path / "pyproject.toml").write_text(pyproject)

    assert built(repo)["manifest"].endswith(MANIFEST)


@pytest.mark.parametrize(
    ("pyproject", "status"), [("= broken", 2), ('project = "x"', 0)], ids=["broken", "no-table"]
)
def test_pyproject_that_says_no_name(repo, pyproject, status):
    """
    Without a name in it the only package is taken; a pyproject.toml that is no TOML is an error.
    """
    (repo.path / "pyproject.toml").write_text(pyproject)

    assert status == byline(repo.path, "build").returncode


def test_shallow_clone(repo, tmp_path):
    """
    A shallow clone is refused with the cure, as in a scan.
    """
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(clone))

    done = byline(clone, "build")

    assert (2, True) == (done.returncode, "fetch-depth: 0" in done.stderr)


def test_fetch(repo, tmp_path):
    """
    Notes that the clone did not bring are fetched first, and decide.
    """
    head = repo.git("rev-parse", "HEAD")
    note = (
        "src/shop/cart.py\n  s_0123456789abcd::t_0123456789abcd 1-3\n---\n"
        '{"schema_version": "authorship/3.0.0", "base_commit_sha": "x", "prompts": {}, "sessions": '
        '{"s_0123456789abcd": {"agent_id": {"tool": "cursor", "id": "1", "model": "gpt-5"}}}, "humans": {}}'
    )
    repo.note("refs/notes/ai", head, note)
    clone = tmp_path / "clone"
    repo.git("clone", "-q", f"file://{repo.path}", str(clone))

    without, fetched = (
        json.loads(byline(clone, "build", "--json", *words).stdout)["by_tool"] for words in ((), ("--fetch",))
    )

    assert ({"claude": 1}, {"cursor": 1}) == (without, fetched)


# --- coverage ------------------------------------------------------------------


@pytest.mark.parametrize(("least", "status"), [("100", 0), ("0", 0)], ids=str)
def test_coverage_reached(repo, least, status):
    """
    Every line of the files in the manifest has a known author here.
    """
    done = byline(repo.path, "build", "--fail-under-coverage", least)

    assert (status, "") == (done.returncode, done.stderr)
    assert "100.0 % of 3 lines" in done.stdout


def test_coverage_missed(repo):
    """
    Below the limit the manifest is written, both numbers are said, and the status is 1.
    """
    repo.commit({"src/shop/cart.py": CART + "\n\ndef other():\n    return 2\n"}, message="A person's")

    done = byline(repo.path, "build", "--fail-under-coverage", "50")

    assert (1, "Coverage is 42.9 %, less than 50 %.\n") == (done.returncode, done.stderr)
    assert (repo.path / MANIFEST).is_file()


def test_for_people(repo):
    """
    People read where the manifest is, what is in it, and what had shipped before.
    """
    byline(repo.path, "build")
    (repo.path / "src/shop/cart.py").write_text(CART + "x = 1\n")

    done = byline(repo.path, "build", "--previous", MANIFEST)

    said = ("Wrote", "by AI 1", "1 of 1 function before", "coverage", "1 thing not verified")
    assert [] == [part for part in said if part not in done.stdout]


# --- when a version first shipped ----------------------------------------------


def test_first_release(repo):
    """
    Without an older manifest, everything ships for the first time now.
    """
    built(repo)

    head = repo.git("rev-parse", "HEAD")
    assert {"total": Release(head, int(repo.git("show", "-s", "--format=%ct")))} == shipped(repo)


def test_shown(repo):
    """
    ``byline manifest show --json`` prints the release, and null where no build kept track.
    """
    built(repo)
    byline(repo.path, "scan", "-o", "plain.manifest")

    release, none = (
        json.loads(byline(repo.path, "manifest", "show", path, "--json").stdout)["functions"][0][
            "first_shipped"
        ]
        for path in (MANIFEST, "plain.manifest")
    )

    assert (repo.git("rev-parse", "HEAD"), None) == (release["revision"], none)


def test_unchanged_function_keeps_its_release(repo):
    """
    A function that no commit changed keeps the release it first shipped in, over several builds, and moves with it.
    """
    built(repo)
    first = shipped(repo)["total"]
    for number in range(3):
        repo.commit({"src/shop/cart.py": f"# Number {number}.\n" + CART})
        told = built(repo, "--previous", MANIFEST)

    assert (first, 1) == (shipped(repo)["total"], told["carried"])


def test_changed_function_ships_anew(repo):
    """
    A function whose behaviour changed has a new version, which ships first in this build.
    """
    built(repo)
    head = repo.commit({"src/shop/cart.py": CART.replace("sum(items)", "max(items)")}, message=CLAUDE)
    told = built(repo, "--previous", MANIFEST)

    assert (head, 0) == (shipped(repo)["total"].revision, told["carried"])


def test_previous_from_a_scan(repo):
    """
    A manifest of ``byline scan`` serves as the last release: what is in it shipped at its revision.
    """
    first = repo.git("rev-parse", "HEAD")
    byline(repo.path, "scan", "-o", "old.manifest")
    repo.commit({"other.txt": "x"})

    built(repo, "--previous", "old.manifest")

    assert first == shipped(repo)["total"].revision


def test_previous_of_another_history(repo, tmp_path):
    """
    A revision that is not in this history is named without a time.
    """
    other = project(tmp_path / "other")
    other.commit({"README": "another history"}, message="Elsewhere")
    byline(other.path, "scan", "-o", str(repo.path / "old.manifest"))

    built(repo, "--previous", "old.manifest")

    assert {"total": Release(other.git("rev-parse", "HEAD"), 0)} == shipped(repo)


def record(module: str, qualname: str, last_commit: str) -> FileRecord:
    path = module.replace(".", "/") + ".py"
    function = FunctionRecord(Function(module, qualname, path, 1, 1, 2), Attribution(last_commit=last_commit))
    return FileRecord(path, module, "0" * 40, (function,))


@pytest.mark.parametrize(
    ("new", "carried"),
    [
        (("a", "f", "1"), 1),
        (("moved.here", "f", "1"), 1),
        (("a", "f", "2"), 0),
        (("a", "g", "1"), 0),
        (("a", "f", ""), 0),
    ],
    ids=["same", "moved", "changed", "renamed", "unknown"],
)
def test_versions(new, carried):
    """
    A version is a function's name and its last commit; a function that moved is found without its module.
    """
    old, now = Release("1" * 40, 1), Release("2" * 40, 2)
    before = {("a", "f", "1"): old, ("", "f", "1"): old, ("a", "f", ""): old}

    files, count = with_releases([record(*new)], now, before)

    assert (carried, [old if carried else now]) == (
        count,
        [each.first_shipped for file in files for each in file.functions],
    )


# --- what the documentation shows ------------------------------------------------


@with_page
@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: text.partition("\n")[0])
def test_ci_snippets(text):
    """
    A CI snippet is YAML; it fetches the whole history and the notes, and makes the manifest before the wheel.
    """
    parsed = yaml.safe_load(text)

    assert isinstance(parsed, dict)
    assert re.search(r"fetch-depth: 0|GIT_DEPTH: \"0\"", text)
    assert text.index("byline build --fetch") < text.index("python -m build")


@with_page
@pytest.mark.parametrize("text", blocks("dockerfile"), ids=lambda text: text.partition("\n")[0])
def test_dockerfile_snippet(text):
    """
    The Dockerfile parses, has several stages, and its last stage copies no repository.
    """
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    instructions = [line for line in lines if line and not line.startswith("#")]
    stages = [number for number, line in enumerate(instructions) if line.startswith("FROM ")]

    assert [] == [line for line in instructions if not INSTRUCTION.match(line)]
    assert 2 <= len(stages)
    assert all("--from=" in line for line in instructions[stages[-1] :] if line.startswith("COPY"))


@with_page
def test_toml_snippets():
    """
    The build settings that the page shows are TOML.
    """
    import tomllib

    assert all(tomllib.loads(text) for text in blocks("toml"))


def test_module_is_not_loaded_in_production(repo, tmp_path):
    """
    A program with its manifest loads nothing of the build.
    """
    built(repo)
    site = without_git(repo, tmp_path / "app")
    program = (
        "import json, sys, byline; byline.instrument(); import shop.cart; shop.cart.total([1]); "
        "print(json.dumps([name for name in sys.modules if 'byline._attribution' in name or name == 'git']))"
    )

    assert [] == run(site, "-c", program)


def test_help():
    """
    The help shows an example of each use.
    """
    done = subprocess.run(
        [sys.executable, "-m", "byline", "build", "--help"], capture_output=True, text=True, check=False
    )

    assert all(f"byline build{rest}" in done.stdout for rest in ("\n", " src/shop", " --previous", " -o"))

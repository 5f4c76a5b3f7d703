"""What `make test` runs: tests per Python on the built wheel, types, lint, docs, lowest versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WHEELS = ROOT / ".build" / "wheel"
BUGSINK = ROOT / ".build" / "bugsink"
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))

_VERSION = "import sys; print(*sys.version_info[:2], sep='.'); print(sys.implementation.name)"


def _candidates() -> Iterator[str]:
    """List the interpreters that may be here: on PATH, and those pyenv names if there is a pyenv."""
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 20))]
    yield from filter(None, map(shutil.which, names))
    if not shutil.which("pyenv"):
        return
    for name in _output("pyenv", "versions", "--bare").split():
        prefix = _output("pyenv", "prefix", name).strip()
        if prefix:
            yield str(Path(prefix, "bin", "python"))


def _output(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _interpreters() -> dict[str, str]:
    """Find the Pythons that really run (a shim may not), newest last; the first of a version counts."""
    found = {f"3.{sys.version_info.minor}": sys.executable}
    for path in _candidates():
        version, _, implementation = _output(path, "-c", _VERSION).strip().partition("\n")
        if implementation == "cpython" and re.fullmatch(r"3\.1[1-9]", version):
            found.setdefault(version, path)
    return dict(sorted(found.items()))


PYTHONS = _interpreters()
SUPPORTED = [
    each.rpartition(" ")[2] for each in PYPROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", each)
]
MISSING = [version for version in SUPPORTED if version not in PYTHONS]

# nox looks interpreters up by name on PATH and knows nothing of pyenv's other versions.
os.environ["PATH"] = os.pathsep.join(
    [*dict.fromkeys(str(Path(path).parent) for path in PYTHONS.values()), os.environ["PATH"]]
)

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


def _group(name: str) -> list[str]:
    return [*nox.project.dependency_groups(PYPROJECT, name)]


def _wheel() -> str:
    (wheel,) = WHEELS.glob("byline-*.whl")
    return str(wheel)


def _install_wheel(session: nox.Session) -> None:
    session.install(*CONSTRAINTS, *_group("test"), f"{_wheel()}[all]")
    # pip keeps an older wheel of the same version.
    session.install("--force-reinstall", "--no-deps", _wheel())


# One more than a small machine has cores: many tests wait for a process of theirs.
PYTEST = ("pytest", "-n", "3", "--dist", "loadgroup")
# Attribution needs git and the syntax tree: what the oldest and the newest Python say holds between them,
# and of GitPython it asks little more than where the repository is, which the commands' tests do too.
WITHOUT_ATTRIBUTION = ("--ignore=tests/attribution",)
WITHOUT_SERVERS = ("-m", "not server and not stack", "--ignore=tests/servers")
WITHOUT_SLOW = ("-m", "not slow and not server and not stack", "--ignore=tests/servers")


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the wheel that the tests install."""
    session.install(*CONSTRAINTS, *PYPROJECT["build-system"]["requires"])
    shutil.rmtree(WHEELS, ignore_errors=True)
    session.run(
        "python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(WHEELS), "."
    )


@nox.session(python=[*PYTHONS], requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests on the wheel, with every Python found."""
    if MISSING:
        session.warn(f"Not here, so not tested: Python {', '.join(MISSING)}")
    _install_wheel(session)
    between = session.python not in {next(iter(PYTHONS)), next(reversed(PYTHONS))}
    session.run(*PYTEST, *WITHOUT_SERVERS, *(WITHOUT_ATTRIBUTION if between else ()), *session.posargs)


@nox.session(python=next(reversed(PYTHONS)), requires=["build"], default=False)
def servers(session: nox.Session) -> None:
    """Run the tests against real servers and in a real browser, with the newest Python."""
    session.install(*CONSTRAINTS, *_group("servers"), f"{_wheel()}[all]")
    session.install("--force-reinstall", "--no-deps", _wheel())
    _install_bugsink(session)
    # A file's servers are started once, so its tests stay together.
    session.run("pytest", "-n", "3", "--dist", "loadfile", "-m", "server", "--timeout=300", *session.posargs)


def _install_bugsink(session: nox.Session) -> None:
    """Install the server that stands for Sentry, with versions of its own, where the tests look for it."""
    python = BUGSINK / "bin" / "python"
    if not python.exists():
        session.run("python", "-m", "venv", "--clear", str(BUGSINK))
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    session.run(str(python), *pip, "-r", "tests/servers/bugsink.txt", external=True)


@nox.session(python=next(reversed(PYTHONS)), requires=["build"], default=False)
def stack(session: nox.Session) -> None:
    """Run the tests that need a compiled Collector or Grafana's components; takes minutes the first time."""
    session.run(".ci/metric-servers", external=True)
    session.run(".ci/collector", external=True)
    session.run(".ci/compose", external=True)
    session.install(*CONSTRAINTS, *_group("servers"), f"{_wheel()}[all]")
    session.install("--force-reinstall", "--no-deps", _wheel())
    session.run("pytest", "-m", "stack", *session.posargs)


@nox.session(python=next(reversed(PYTHONS)), requires=["build"])
def coverage(session: nox.Session) -> None:
    """
    Measure what the tests cover, in all their processes, with the newest Python.

    Whether they pass is for the session ``tests`` to say: what a test sees of a process
    that is being measured, such as the modules it has loaded, is not always the truth.
    """
    _install_wheel(session)
    session.run("coverage", "erase")
    # The soak test forks while threads run. coverage does not renew its own lock in a forked child
    # (Collector.lock_data), so a child whose parent held it waits for ever, with or without byline.
    quick = ("-q", "--no-summary", *WITHOUT_SLOW)
    session.run("coverage", "run", "-m", *PYTEST, *quick, success_codes=[0, 1], silent=True)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python=next(iter(PYTHONS)), requires=["build"])
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version of every dependency."""
    project = PYPROJECT["project"]
    extras = [
        each for name, extra in project["optional-dependencies"].items() if name != "all" for each in extra
    ]
    session.install(*CONSTRAINTS, *_group("test"))
    session.install(*(each.replace(">=", "==") for each in [*project["dependencies"], *extras]))
    session.install("--force-reinstall", "--no-deps", _wheel())
    session.run(*PYTEST, *WITHOUT_SLOW, *WITHOUT_ATTRIBUTION, *session.posargs)


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of byline, and of programs that use it."""
    session.install(*CONSTRAINTS, *_group("typing"), "-e", ".[all]")
    session.run("mypy")
    session.run("pyright")
    session.run("pyrefly", "check")


@nox.session
def lint(session: nox.Session) -> None:
    """Check form, layers and changelog fragments."""
    session.install(*CONSTRAINTS, *_group("lint"), "-e", ".")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-logo")
    session.run("towncrier", "build", "--draft", "--version", "next", silent=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install(*CONSTRAINTS, *_group("docs"), *_group("test"), "-e", ".[all]")
    pages = sorted(str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md"))
    cog = ["-r"] if "write" in session.posargs else ["--check", "--diff"]
    session.run("cog", *cog, "-P", "-I", "docs", *pages, env={"COLUMNS": "80"})
    session.run("sphinx-build", "-q", "-n", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    session.run("sphinx-build", "-q", "-n", "-W", "-b", "doctest", "docs", "docs/_build/doctest")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure what byline costs, as ratios side by side."""
    session.install(*CONSTRAINTS, *_group("test"), ".[all]")
    for program in sorted(ROOT.glob("benchmarks/*.py")):
        session.run("python", str(program), *session.posargs)

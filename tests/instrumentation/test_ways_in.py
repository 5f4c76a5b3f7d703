"""Every kind of callable, below every order of decorators, on every way to turn byline on: each call is counted once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from byline.store import Store

from ..repositories import RepositoryFactory
from . import kinds

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
OTEL = {f"OTEL_{signal}_EXPORTER": "byline" for signal in ("TRACES", "METRICS", "LOGS")}
PYTHON = [sys.executable]
BYLINE = [sys.executable, "-m", "byline"]
AUTO = [str(Path(sys.executable).with_name("opentelemetry-instrument")), *PYTHON]

WAYS = {
    "instrument": ([*PYTHON, "inside.py"], {}),
    "run": ([*BYLINE, "run", "--store", "x.db", "main.py"], {}),
    "run-module": ([*BYLINE, "run", "--store", "x.db", "-m", "main"], {}),
    "opentelemetry-instrument": ([*AUTO, "main.py"], {**OTEL, "BYLINE_STORE": "x.db"}),
    "opentelemetry-instrument-with-distro": (
        [*AUTO, "main.py"],
        {**OTEL, "BYLINE_STORE": "x.db", "PYTHONPATH": "distro"},
    ),
}

CONFIGURATOR = """\
[opentelemetry_configurator]
configurator = opentelemetry.sdk._configuration:_OTelSDKConfigurator
"""
"""What the package opentelemetry-distro adds: without it nobody reads OTEL_*_EXPORTER."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose second commit, with a tool's trailer, wrote the callables; scanned."""
    folder = tmp_path_factory.mktemp("program")
    repository = RepositoryFactory(folder)
    inside = "import byline\nbyline.instrument(store='x.db')\nimport main\n"
    people = {"decorators.py": kinds.DECORATORS, "main.py": kinds.main(), "inside.py": inside}
    repository.commit(people, message="Start")
    repository.commit({"kinds.py": kinds.module()}, message=CLAUDE)
    run([*BYLINE, "scan"], folder)
    distro = folder / "distro" / "distro-1.0.dist-info"
    distro.mkdir(parents=True)
    (distro / "METADATA").write_text("Metadata-Version: 2.1\nName: distro\nVersion: 1.0\n")
    (distro / "entry_points.txt").write_text(CONFIGURATOR)
    return folder


def run(words: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BYLINE_", "OTEL_"))}
    done = subprocess.run(
        words, cwd=folder, env={**clean, **variables}, capture_output=True, text=True, check=False, timeout=60
    )
    assert 0 == done.returncode, done.stderr
    return done


def calls(path: Path) -> dict[str, int]:
    """Return how often each function of the module was called."""
    found: dict[str, int] = {}
    with Store.open(path, read_only=True) as store:
        for each in store.latency():
            module, _, name = each.function.partition(".")
            assert "kinds" == module
            found[name] = found.get(name, 0) + each.sketch.count
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_each_call_is_counted_once(program, way):
    """
    However byline is turned on, and however the program got hold of a function, its calls are counted exactly.
    """
    words, variables = WAYS[way]
    (program / "x.db").unlink(missing_ok=True)

    done = run(words, program, **variables)

    assert kinds.expected() == calls(program / "x.db"), done.stderr


def test_opentelemetrys_settings_name_the_store(program):
    """
    OTEL_METRICS_EXPORTER=byline is enough to get a store, also where nobody configures an SDK.
    """
    run(WAYS["opentelemetry-instrument"][0], program, **OTEL)

    assert kinds.expected() == calls(program / ".byline" / "byline.db")


@pytest.mark.parametrize("rate", ["-1", "many"])
def test_a_wrong_setting_is_one_sentence(program, rate):
    """
    opentelemetry-instrument says what is wrong, once and without a traceback; the program runs, marks and all.
    """
    (program / "marked.py").write_text("import byline\n@byline.ai_generated\ndef f(): print('ran')\nf()\n")
    done = run([*AUTO, "marked.py"], program, BYLINE_INCIDENT_RATE=rate)

    assert "ran\n" == done.stdout
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"byline is off: BYLINE_INCIDENT_RATE={rate if rate == '-1' else repr(rate)} is ")


def test_a_program_that_asks_by_itself_is_told(program):
    """
    Who calls the instrumentor gets the error.
    """
    call = "from byline._instrumentor import BylineInstrumentor as B\ntry: B().instrument()\nexcept Exception as e: print(e)"
    done = run([*PYTHON, "-c", call], program, BYLINE_INCIDENT_RATE="-1")

    assert done.stdout.startswith("BYLINE_INCIDENT_RATE=-1 is negative")


PROVIDERS = """
import byline, sys
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

mine = TracerProvider(), MeterProvider(), LoggerProvider()
trace.set_tracer_provider(mine[0]), metrics.set_meter_provider(mine[1]), _logs.set_logger_provider(mine[2])
finders = sys.meta_path[:]
for _ in range(2):
    byline.instrument(store="x.db")
    import main
    byline.uninstrument()
assert mine == (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider())
assert finders == sys.meta_path
"""


def test_providers_of_the_program_stay(program):
    """
    Turned on and off twice, byline leaves the program's providers and its import path as they were.
    """
    run([*PYTHON, "-c", PROVIDERS], program)


LATER = """
import byline
byline.instrument()
import decorators, sys
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
import kinds
kinds.double(1)
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
reader, spans, tracers = InMemoryMetricReader(), InMemorySpanExporter(), TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
metrics.set_meter_provider(MeterProvider([reader])), trace.set_tracer_provider(tracers)
with tracers.get_tracer("mine").start_as_current_span("request"):
    for _ in range(5):
        kinds.double(1)
(point,) = [
    point
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    if metric.name == "byline.call.duration"
    for point in metric.data.data_points
]
assert point.count in (5, 6), point
assert 6 == len(spans.get_finished_spans()), spans.get_finished_spans()
"""


def test_opentelemetry_is_loaded_when_the_program_loads_it(program):
    """
    Start-up does not load OpenTelemetry; providers that are set later get every call from then on.
    """
    run([*PYTHON, "-c", LATER], program)


AGAIN = """
import sys
import byline
from byline._instrumentation import import_hook
from byline._registry import is_wrapper
from byline._instrumentation.lifecycle import flush
from byline.store import Store

def counted():
    with Store.open("x.db", read_only=True) as store:
        return sum(each.sketch.count for each in store.latency() if each.function == "kinds.outer")

def fresh():
    sys.modules.pop("kinds", None)
    import kinds
    return kinds.outer

def ours():
    # Libraries that are loaded meanwhile may add finders of their own.
    return [each for each in sys.meta_path if type(each).__module__.startswith("byline")]

paths = sys.path_hooks[:]
byline.instrument(store="x.db")
first = fresh()
assert is_wrapper(first.__code__)
first(1), first(1)
byline.uninstrument()
assert [] == ours() and paths == sys.path_hooks
assert 2 == counted()

second = fresh()
assert not is_wrapper(second.__code__) and not hasattr(second, "__wrapped__")
assert type(sys.modules["kinds"].__spec__.loader).__name__ == "SourceFileLoader"
first(1), second(1)
assert 2 == counted()

byline.instrument(store="x.db")
assert [import_hook.Finder] == [type(each) for each in ours()]
third = fresh()
assert is_wrapper(third.__code__)
first(1), third(1), second(1)
flush()
assert 4 == counted(), counted()
byline.uninstrument()
first(1), third(1)
assert [] == ours()
assert 4 == counted()
"""


def test_off_and_on_again(program):
    """
    Off: a fresh import is Python's own, and what was measured is quiet. On again: both are measured.
    """
    (program / "x.db").unlink(missing_ok=True)

    run([*PYTHON, "-c", AGAIN], program)

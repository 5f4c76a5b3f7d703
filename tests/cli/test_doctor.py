"""``byline doctor``: what is on, what is off, and why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"


def byline(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "byline", *words],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def checks(folder: Path, *words: str, **variables: str) -> dict[str, list[dict]]:
    told: dict[str, list[dict]] = {}
    for check in json.loads(byline(folder, "doctor", "--json", *words, **variables).stdout)["checks"]:
        told.setdefault(check["name"], []).append(check)
    return told


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=Ana", "-c", "user.email=a@example.org", *words], cwd=folder, check=True
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "job.py").write_text("def f():\n    return 1\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", CLAUDE)
    return folder


def test_nothing_here(tmp_path):
    """
    In an empty folder everything is off, with its cure, and nothing has failed.
    """
    done = byline(tmp_path, "doctor")
    told = checks(tmp_path)

    assert 0 == done.returncode
    assert ["off", "off", "off"] == [told[name][0]["state"] for name in ("git", "manifest", "store")]
    assert "byline scan" in told["manifest"][0]["cure"]


def test_all_well(checkout):
    """
    After a scan the manifest is found and fresh.
    """
    byline(checkout, "scan")

    told = checks(checkout)

    assert ["ok", "ok", "ok", "ok"] == [
        told[name][0]["state"] for name in ("git", "history", "manifest", "stale")
    ]
    assert "1 AI functions of 1" in told["manifest"][0]["told"]


def test_stale(checkout):
    """
    Files that changed after the scan are named.
    """
    byline(checkout, "scan")
    (checkout / "job.py").write_text("def f():\n    return 2\n")

    told = checks(checkout)["stale"][0]

    assert ("warning", True, "scan again: byline scan") == (
        told["state"],
        "job.py" in told["told"],
        told["cure"],
    )


def test_shallow(checkout, tmp_path):
    """
    A shallow clone is named, with the cure for CI.
    """
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{checkout}", "clone")

    told = checks(tmp_path / "clone")["history"][0]

    assert ("warning", True) == (told["state"], "fetch-depth: 0" in told["cure"])


def test_missing_notes(checkout):
    """
    A clone without notes says how to fetch them; with notes it names them.
    """
    before = checks(checkout)["notes"][0]
    git(checkout, "notes", "--ref=ai", "add", "-m", "---\n{}", "HEAD")
    after = checks(checkout)["notes"][0]

    assert ("off", True, "ok", True) == (
        before["state"], "git fetch" in before["cure"], after["state"], "refs/notes/ai" in after["told"]
    )  # fmt: skip


def test_damaged_manifest(checkout):
    """
    A damaged manifest is an error, and the exit status says so.
    """
    (checkout / "byline.manifest").write_text("x")

    done = byline(checkout, "doctor")

    assert (1, True) == (done.returncode, "is not a byline manifest" in done.stdout)


def test_damaged_store(checkout):
    """
    A damaged store is an error.
    """
    (checkout / ".byline").mkdir()
    (checkout / ".byline" / "byline.db").write_text("x" * 2000)

    assert "error" == checks(checkout)["store"][0]["state"]


def test_wrong_settings(checkout):
    """
    A setting that cannot be read is named.
    """
    assert "error" == checks(checkout, BYLINE_SPANS="some")["settings"][0]["state"]


def test_disabled(checkout):
    """
    BYLINE_DISABLED is said plainly.
    """
    assert "off" == checks(checkout, BYLINE_DISABLED="1")["settings"][0]["state"]


def test_exponential_histograms(checkout):
    """
    Exponential histograms are warned of, since a Prometheus without native ones refuses every batch, and nobody hears.
    """
    setting = {
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram"
    }

    [warned] = checks(checkout, **setting)["histograms"]

    assert "warning" == warned["state"]
    assert "native histograms" in warned["cure"]
    assert "histograms" not in checks(checkout)


@pytest.mark.parametrize("is_installed", [True, False])
def test_nobody_reads_the_exporters(checkout, tmp_path, is_installed):
    """
    Exporters in the environment are read where a distro is installed, and that there is none is said with the cure.
    """
    about = tmp_path / "distro" / "distro-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: distro\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[opentelemetry_configurator]\nconfigurator = distro:Configurator\n"
    )
    path = str(about.parent) if is_installed else ""

    found = checks(checkout, OTEL_TRACES_EXPORTER="otlp", PYTHONPATH=path)

    assert is_installed is ("distro" not in found)
    assert is_installed or "pip install opentelemetry-distro" in found["distro"][0]["cure"]


LOSING = """\
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from byline.otel import metric_exporter

exporter = metric_exporter(OTLPMetricExporter("http://127.0.0.1:9/v1/metrics", timeout=1))
provider = MeterProvider([PeriodicExportingMetricReader(exporter)])
metrics.set_meter_provider(provider)

from job import f

f()
print("flushed:", provider.force_flush())
"""


def test_lost_batches(checkout):
    """
    Metrics that nobody took are in the log once, and shown with their number, though flushing says that all is well.
    """
    (checkout / "losing.py").write_text(LOSING)
    byline(checkout, "scan")

    done = byline(checkout, "run", "losing.py")
    notes = [check["told"] for check in checks(checkout)["last run"]]

    assert "flushed: True" in done.stdout
    assert 1 == done.stderr.count("OTLPMetricExporter could not deliver a batch of metrics")
    assert any("OTLPMetricExporter" in note and "could not deliver" in note for note in notes)


def test_modules_imported_too_early(checkout):
    """
    A module that was imported before byline was turned on is named after the run.
    """
    byline(checkout, "scan")
    (checkout / "late.py").write_text("import job\nimport byline\nbyline.instrument()\njob.f()\n")
    environment = {"BYLINE_STORE": str(checkout / ".byline" / "byline.db")}
    done = subprocess.run(
        [sys.executable, "late.py"],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr

    told = checks(checkout)["last run"]

    assert any("imported before" in each["told"] for each in told)


def test_the_cache(checkout):
    """
    Whether the next scan can go on from the last one, and where that is kept.
    """
    before = checks(checkout)["cache"][0]
    byline(checkout, "scan")
    after = checks(checkout)["cache"][0]

    assert ("off", "byline scan") == (before["state"], before["cure"])
    assert "ok" == after["state"]
    assert str(checkout / ".git" / "byline") in after["told"]

"""byline dashboards: what it writes, where, and what it leaves alone."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner

from byline._cli.main import main

WRITTEN = {
    "dashboards/byline-commit.json",
    "dashboards/byline-commits.json",
    "dashboards/byline-fleet.json",
    "provisioning/byline.yaml",
    "rules/byline.yaml",
}


def run(*words):
    """Run the command as a user would."""
    return CliRunner().invoke(main, ["dashboards", *map(str, words)])


@pytest.mark.parametrize("histograms", ["classic", "native"])
def test_writes_everything(tmp_path, histograms):
    """
    Boards, rules and provisioning are in the folder, and each file is named.
    """
    done = run(tmp_path / "grafana", "--histograms", histograms)

    found = {str(path.relative_to(tmp_path / "grafana")) for path in tmp_path.rglob("*.*")}
    assert (0, WRITTEN) == (done.exit_code, found)
    assert all(f"wrote  {tmp_path / 'grafana' / name}" in done.output for name in WRITTEN)
    board = (tmp_path / "grafana/dashboards/byline-commits.json").read_text("utf-8")
    assert ("histogram_count" in board) == (histograms == "native")


def test_provisioning_finds_the_boards(tmp_path):
    """
    Grafana is told the folder where they are, whatever its name.
    """
    folder = tmp_path / 'a "folder": with # signs'
    run(folder)

    [provider] = yaml.safe_load((folder / "provisioning/byline.yaml").read_text())["providers"]
    assert str(folder / "dashboards") == provider["options"]["path"]


def test_again(tmp_path):
    """
    A second time changes nothing but what was changed by hand, and other files stay.
    """
    run(tmp_path)
    (tmp_path / "dashboards/byline-fleet.json").write_text("{}")
    (tmp_path / "dashboards/mine.json").write_text("{}")

    told = json.loads(run(tmp_path, "--json").output)

    changed = [each["path"] for each in told["files"] if each["changed"]]
    assert [str(tmp_path / "dashboards/byline-fleet.json")] == changed
    assert "{}" == (tmp_path / "dashboards/mine.json").read_text()


def test_runbook(tmp_path):
    """
    Alerts lead to the page that is given.
    """
    run(tmp_path, "--runbook", "https://wiki.example.com/byline#")

    assert (
        "runbook_url: https://wiki.example.com/byline#bylinecommitslower"
        in (tmp_path / "rules/byline.yaml").read_text()
    )


def test_sentry(tmp_path):
    """
    Commits lead to the Sentry that is given, on every board.
    """
    address = 'https://sentry.example.com/organizations/"shop"/issues/'
    run(tmp_path, "--sentry", address)

    for path in (tmp_path / "dashboards").iterdir():
        variables = json.loads(path.read_text("utf-8"))["templating"]["list"]
        assert [address] == [each["query"] for each in variables if each["name"] == "sentry"]


def test_no_folder(tmp_path):
    """
    A folder that cannot be made is one sentence and status 2.
    """
    (tmp_path / "file").write_text("")

    done = run(tmp_path / "file" / "grafana")

    assert 2 == done.exit_code
    assert f"Cannot write to {str(tmp_path / 'file' / 'grafana')!r}" in done.output
    assert "Traceback" not in done.output

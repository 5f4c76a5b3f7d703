"""What can be known of compose.yaml without Docker: that its files, names and ports fit together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "collector-config"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES = COMPOSE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name):
    """
    Each folder and file that a container gets exists.
    """
    service = SERVICES[name]
    mounted = [each.split(":")[0] for each in service.get("volumes", [])]
    if "build" in service:
        context = FOLDER / service["build"]["context"]
        mounted.append(str(context / service["build"]["dockerfile"]))

    assert [] == [each for each in mounted if not (FOLDER / each).exists()]


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name):
    """
    No image is the newest of the day.
    """
    image = SERVICES[name].get("image", "built:here")

    assert image.partition(":")[2] not in ("", "latest")


@pytest.mark.parametrize("name", SERVICES)
def test_commands_read_what_is_mounted(name):
    """
    A configuration that a command names is one that is mounted, or the image's own.
    """
    service = SERVICES[name]
    named = re.findall(r"--?config(?:\.file)?=(\S+)", " ".join(map(str, service.get("command", []))))
    mounted = [each.split(":")[1] for each in service.get("volumes", [])]

    assert [] == [each for each in named if each not in (*mounted, "/etc/loki/local-config.yaml")]


def hosts_in(path: Path) -> set[str]:
    """Return the hosts that a configuration sends to; comments do not count."""
    text = "\n".join(
        line for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")
    )
    addresses = re.findall(r"https?://[^\s\"',}]+", text)
    plain = re.findall(r'endpoint: "(\w+):\d+"', text)
    return {urlsplit(each).hostname or "" for each in addresses} | set(plain)


@pytest.mark.parametrize("name", ["contrib.yaml", "grafana/datasources/byline.yaml"])
def test_hosts_are_services(name):
    """
    Whatever is sent to is one of the services.
    """
    assert hosts_in(FOLDER / name) <= SERVICES.keys()


def test_services_wait_for_services():
    """
    So is whatever is waited for, and what is waited for until it is healthy says when it is.
    """
    for service in SERVICES.values():
        wanted = service.get("depends_on", [])
        assert set(wanted) <= SERVICES.keys()
        if isinstance(wanted, dict):
            healthy = {name for name, how in wanted.items() if how["condition"] == "service_healthy"}
            assert all("healthcheck" in SERVICES[name] for name in healthy)


def test_every_server_is_looked_after():
    """
    Whatever serves has a health check, or is asked by the one service that the others wait for.
    """
    asked = {urlsplit(each).hostname for each in SERVICES["ready"]["command"] if "://" in each}

    unwatched = {
        name for name, service in SERVICES.items() if "healthcheck" not in service and name not in asked
    }
    assert {"ready", "visitors"} == unwatched
    assert {"ready"} == SERVICES["grafana"]["depends_on"].keys() == SERVICES["shop"]["depends_on"].keys()


def test_the_collector_says_that_it_is_up():
    """
    Where the collector is asked whether it is up, it listens.
    """
    told = yaml.safe_load((FOLDER / "contrib.yaml").read_text("utf-8"))
    [port] = re.findall(r"collector:(\d+)", " ".join(SERVICES["ready"]["command"]))

    assert ["health_check"] == told["service"]["extensions"]
    assert told["extensions"]["health_check"]["endpoint"].endswith(f":{port}")


def test_commits_lead_to_a_repository():
    """
    The service says where its repository is, without which links from a commit lead nowhere.
    """
    environment = SERVICES["shop"]["environment"]

    assert "byline" in environment["OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"].split(",")
    assert environment["OTEL_RESOURCE_ATTRIBUTES"].startswith("vcs.repository.url.full=https://")


def test_nothing_is_open_to_the_network():
    """
    Every published port is on this machine's loopback address only.
    """
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert [] == [port for port in published if not port.startswith("127.0.0.1:")]


def test_grafana_finds_boards_and_sources():
    """
    Boards are mounted where the provider looks for them, and each kind of data source is provisioned once.
    """
    mounted = [each.split(":")[1] for each in SERVICES["grafana"]["volumes"]]
    [provider] = yaml.safe_load((FOLDER / "grafana/dashboards/byline.yaml").read_text())["providers"]
    sources = yaml.safe_load((FOLDER / "grafana/datasources/byline.yaml").read_text())["datasources"]
    boards = Path(__file__).parents[2] / "src/byline/_grafana/generated/classic/dashboards"
    wanted = {
        variable["query"]
        for board in boards.iterdir()
        for variable in json.loads(board.read_text())["templating"]["list"]
        if variable["type"] == "datasource"
    }

    assert provider["options"]["path"] in mounted
    assert sorted(wanted) == sorted(each["type"] for each in sources)
    by_kind = {each["type"]: each["jsonData"] for each in sources}
    linked = {
        by_kind["prometheus"]["exemplarTraceIdDestinations"][0]["datasourceUid"],
        by_kind["loki"]["derivedFields"][0]["datasourceUid"],
        by_kind["tempo"]["tracesToLogsV2"]["datasourceUid"],
    }
    assert {"tempo", "loki"} == linked <= {each["uid"] for each in sources}

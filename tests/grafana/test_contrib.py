"""What contrib.yaml tells components that cannot be run here is what their published schemas know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

TEXT = (Path(__file__).parents[2] / "collector-config/contrib.yaml").read_text("utf-8")

# Looked up by hand in each component's config.schema.yaml: add here what you add there, once you have looked.
KNOWN: dict[str, set[str]] = {
    "tail_sampling": {"decision_wait", "num_traces", "policies"},
    "health_check": {"endpoint"},
    "prometheusremotewrite": {"endpoint", "resource_to_telemetry_conversion"},
    "sentry": {"url", "org_slug", "auth_token"},
}
POLICIES = {
    "ottl_condition": {"error_mode", "span", "spanevent"},
    "probabilistic": {"sampling_percentage"},
}


def configuration(text: str = TEXT) -> dict[str, Any]:
    """Return the configuration with all that it only suggests."""
    # A suggestion is a key in a comment, and what is indented below it.
    suggested = re.compile(r"^  # (\w+:\n(?:  #   .*\n)+)", re.MULTILINE)
    found: dict[str, Any] = yaml.safe_load(
        suggested.sub(lambda match: "  " + match[1].replace("\n  # ", "\n  "), text)
    )
    return found


def blocks(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of the components that only contrib has."""
    every = {**told["processors"], **told["exporters"], **told["extensions"]}
    return {name: every[name] for name in KNOWN}


@pytest.mark.parametrize("name", KNOWN)
def test_settings_are_known(name):
    """
    Each setting is one that the component's schema has.
    """
    assert blocks(configuration())[name].keys() <= KNOWN[name]


def test_policies_are_known():
    """
    So is each of a sampling policy, and the policy has the settings of its type.
    """
    for policy in configuration()["processors"]["tail_sampling"]["policies"]:
        kind = policy["type"]

        assert {"name", "type", kind} == policy.keys()
        assert policy[kind].keys() <= POLICIES[kind]


def test_a_trace_that_is_kept_for_a_reason_is_not_thinned():
    """
    Incidents, slow calls and findings each have a policy of their own, beside the one that takes some of the rest.
    """
    policies = configuration()["processors"]["tail_sampling"]["policies"]

    assert ["ottl_condition"] * 3 + ["probabilistic"] == [each["type"] for each in policies]
    assert all("byline" in str(each["ottl_condition"]) for each in policies[:3])

"""The settings: argument over environment over default, and no shrugs."""

from __future__ import annotations

import pytest

from byline._config import Config
from byline.exceptions import ConfigError


def test_defaults():
    """
    Without arguments and variables, the defaults hold.
    """
    assert Config() == Config.from_env({})


@pytest.mark.parametrize(
    ("variable", "raw", "field", "expected"),
    [
        ("BYLINE_DISABLED", "1", "disabled", True),
        ("BYLINE_DISABLED", "no", "disabled", False),
        ("BYLINE_MANIFEST", "a/b", "manifest", "a/b"),
        ("BYLINE_AUTHOR", "hash", "author", "hash"),
        ("BYLINE_SPANS", "off", "spans", "off"),
        ("BYLINE_INCIDENT_RATE", "3", "incident_rate", 3),
        ("BYLINE_SCAN_BUDGET", "0.5", "scan_budget_s", 0.5),
        ("BYLINE_MESSAGES", "off", "messages", "off"),
    ],
    ids=str,
)
def test_environment(variable, raw, field, expected):
    """
    A variable sets its field.
    """
    assert expected == getattr(Config.from_env({variable: raw}), field)


def test_argument_wins():
    """
    An argument wins over its variable.
    """
    assert "hash" == Config.from_env({"BYLINE_AUTHOR": "off"}, author="hash").author


@pytest.mark.parametrize(
    ("variable", "raw"),
    [
        ("BYLINE_DISABLED", "maybe"),
        ("BYLINE_AUTHOR", "nickname"),
        ("BYLINE_SPANS", "some"),
        ("BYLINE_INCIDENT_RATE", "many"),
        ("BYLINE_INCIDENT_RATE", "-1"),
        ("BYLINE_MAX_RATE", "-2"),
        ("BYLINE_SCAN_BUDGET", "-0.5"),
        ("BYLINE_SCAN_BUDGET", "nan"),
        ("BYLINE_SCAN_BUDGET", "soon"),
        ("BYLINE_NO_SUCH_THING", "1"),
    ],
    ids=str,
)
def test_wrong_value(variable, raw):
    """
    A value that cannot be read, or an unknown variable, is an error that names it.
    """
    with pytest.raises(ConfigError, match=variable):
        Config.from_env({variable: raw})


def test_other_variables_are_not_ours():
    """
    Variables of others are left alone.
    """
    assert Config() == Config.from_env({"PATH": "x", "OTEL_SERVICE_NAME": "y"})

"""Values as JSON text: what is damaged is refused, what is newer is left out."""

from __future__ import annotations

import json

import pytest

from byline import _wire
from byline._model import Attribution, Contribution, Suspect, Unverified

NOTE = Unverified("a", "b", "c")


def test_values_come_back():
    """
    One value is an object, several are a list.
    """
    whole = Attribution("ai", contributions=(Contribution("a1", 3),))

    assert whole == _wire.loads(Attribution, _wire.dumps(whole))
    assert (NOTE, NOTE) == _wire.loads_all(Unverified, _wire.dumps([NOTE, NOTE]))


def test_fields_of_a_newer_byline_are_left_out():
    """
    An unknown field is no damage; a missing one with a default is none either.
    """
    text = json.dumps({"subject": "a", "reason": "b", "weight": 3})

    assert Unverified("a", "b") == _wire.loads(Unverified, text)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "3", None, 3, '{"subject": "a"}', '{"subject": 1, "reason": "b"}', "[" * 100_000],
    ids=["cut", "list", "number", "none", "no text", "missing", "type", "deep"],
)
def test_damage_is_a_value_error(text):
    """
    Whoever reads decides what to do about it.
    """
    with pytest.raises(ValueError, match=r"."):
        _wire.loads(Unverified, text)


@pytest.mark.parametrize("text", ["{}", "[3]", "[[]]"], ids=["object", "number", "nested"])
def test_a_list_is_a_list_of_objects(text):
    """
    Anything else is damage.
    """
    with pytest.raises(ValueError, match="in the place of"):
        _wire.loads_all(Suspect, text)


@pytest.mark.parametrize("raw", [3, [3], [{}], None], ids=["number", "numbers", "empty", "null"])
def test_damaged_contributions_are_damage(raw):
    """
    The inner list is checked, too.
    """
    with pytest.raises(ValueError, match="contributions"):
        _wire.loads(Attribution, json.dumps({"contributions": raw}))


def test_a_truth_value_is_no_number():
    """
    JSON's true is an int in Python, and damage here.
    """
    with pytest.raises(ValueError, match="lines"):
        _wire.loads(Attribution, json.dumps({"lines": True}))

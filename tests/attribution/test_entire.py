"""What Entire's branch says of an agent, whatever stands there."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from byline._attribution.entire import _agent
from byline._attribution.identities import DEFAULT

AGENTS = st.sampled_from([("Claude Code", "claude"), ("Cursor", "cursor"), ("Gemini CLI", "gemini")])
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


@given(AGENTS, st.sampled_from(["claude-opus-4-6", "gpt-5.5", ""]))
def test_reading_is_the_inverse_of_writing(agent, model):
    """
    The agent is named by its slug, with its model.
    """
    text = json.dumps({"agent": agent[0], "model": model, "files_touched": ["a.py"]})

    assert (agent[1], model) == _agent(text.encode(), DEFAULT)


@given(
    st.binary()
    | st.dictionaries(st.sampled_from(["agent", "model"]), VALUES).map(lambda each: json.dumps(each).encode())
)
def test_any_bytes_can_be_read(data):
    """
    No metadata makes the reader fail.
    """
    tool, model = _agent(data, DEFAULT)

    assert tool.isprintable()
    assert model.isprintable()

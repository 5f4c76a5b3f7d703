"""Lines of a message that may speak of AI: which messages get a closer look."""

from __future__ import annotations

import pytest

from byline._attribution import trailers
from byline._attribution.trailers import Trailer, markers_in, trailers_in


@pytest.mark.parametrize("key", sorted(set(trailers._KINDS) - {"session-url"}))
@pytest.mark.parametrize("joint", ["-", " ", ""])
def test_every_key_is_found(key, joint):
    """
    The words that a message is searched for first leave out no trailer, however it is spelt.
    """
    spelt = key.replace("-", joint)

    for each in (spelt, spelt.upper()):
        assert (Trailer(trailers._KINDS[key], key, "some 1"),) == trailers_in(f"Subject\n\n{each}: some 1\n")


@pytest.mark.parametrize("url", ["https://claude.ai/code/session_1", "https://ampcode.com/threads/T-1"])
def test_every_session_is_found(url):
    """
    Nor do they leave out a session's address.
    """
    assert (Trailer("session", "session-url", url),) == trailers_in(f"Subject\n\n{url}\n")


@pytest.mark.parametrize(
    "verb", ["generated", "written", "authored", "created", "made", "implemented", "assisted", "co-authored"]
)
def test_every_marker_is_found(verb):
    """
    Nor a marker.
    """
    assert ["Some Tool"] == [each.text for each in markers_in(f"Subject\n\n{verb.title()} with Some Tool\n")]

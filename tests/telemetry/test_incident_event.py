"""Incidents as log attributes and back."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from byline import _semconv
from byline._model import Attribution, Confidence, Incident, Status, Suspect, Unverified, Verdict
from byline._telemetry.incident_event import attributes_of, incident_of

texts = st.text(max_size=20)
# Attributes are 64-bit integers in OTLP.
wholes = st.integers(min_value=0, max_value=2**62)
verdicts = st.sampled_from(get_args(Verdict))
confidences = st.sampled_from(get_args(Confidence))
suspects = st.builds(
    Suspect, commit=texts, reason=texts, function=texts, path=texts, line=wholes, distance=wholes, verdict=verdicts,
    confidence=confidences, author=texts.filter(lambda name: "@" not in name), tool=texts, model=texts,
    evidence=texts, subject=texts, change=texts, committed_at=wholes,
)  # fmt: skip
attributions = st.builds(
    Attribution, verdict=verdicts, confidence=confidences, status=st.sampled_from(get_args(Status)), commit=texts,
    last_commit=texts, author=texts.filter(lambda name: "@" not in name), tool=texts, model=texts, evidence=texts,
    session=texts, change=texts, ai_lines=wholes, lines=wholes, committed_at=wholes, contributions=st.just(()),
)  # fmt: skip
incidents = st.builds(
    Incident, id=texts, time_ns=wholes, function=texts.filter(bool), error_type=texts, message=texts,
    stacktrace=texts, path=texts, line=wholes, fingerprint=texts, attribution=attributions,
    suspects=st.lists(suspects, max_size=5).map(tuple),
    unverified=st.lists(st.builds(Unverified, texts, texts, texts), max_size=3).map(tuple), suppressed=wholes,
    duration_s=st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)  # fmt: skip

ADA = Suspect(
    "a" * 40, "AI line that raised", "shop.cart.total", "shop/cart.py", 7, 0, "ai", "high", author="Ada"
)
INCIDENT = Incident(
    "3fa9c21b0d1e", 1, "shop.web.checkout", "KeyError", "'sku'", "Traceback …", "shop/cart.py", 7, "f1",
    Attribution(commit="c" * 40, last_commit="d" * 40, author="Cy <cy@example.org>"), (ADA,),
)  # fmt: skip


@given(incidents)
def test_what_is_written_is_read(incident):
    """
    An incident comes back as it was.
    """
    read = incident_of(attributes_of(incident), time_ns=incident.time_ns)

    assert incident == read


@given(
    st.dictionaries(
        st.sampled_from(sorted({*attributes_of(INCIDENT), _semconv.SUSPECTS, _semconv.UNVERIFIED})),
        st.one_of(
            texts,
            st.integers(),
            st.floats(),
            st.booleans(),
            st.lists(texts),
            st.sampled_from(["[{}]", "[3]", "{"]),
        ),
    )
)
def test_damaged_attributes_never_raise(attributes):
    """
    Whatever a pipeline made of the attributes, reading them gives an incident.
    """
    assert isinstance(incident_of(attributes, time_ns=1), Incident)


def test_the_commit_is_the_first_suspect_s():
    """
    ``byline.commit`` names the first suspect, and the marked function's own commit stands apart.
    """
    attributes = attributes_of(INCIDENT)

    assert ("a" * 40, "c" * 40) == (attributes[_semconv.COMMIT], attributes[_semconv.INCIDENT_COMMIT])
    assert ("shop.cart.total", "shop.web.checkout") == (
        attributes[_semconv.FUNCTION], attributes[_semconv.INCIDENT_FUNCTION]
    )  # fmt: skip


def test_where_and_when_come_from_the_record_and_its_resource():
    """
    Trace, span, service and deployed revision are read from the log record around the attributes.
    """
    read = incident_of(
        attributes_of(INCIDENT), time_ns=5, trace_id=0xAB, span_id=0xC,
        resource={_semconv.SERVICE_NAME: "shop", _semconv.VCS_REVISION: "e" * 40},
    )  # fmt: skip

    assert (5, f"{0xAB:032x}", f"{0xC:016x}") == (read.time_ns, read.trace_id, read.span_id)
    assert ("shop", "e" * 40) == (read.service, read.revision)


@pytest.mark.parametrize(
    ("form", "expected"), [("name", ("Ada", "Cy")), ("email", ("Ada", "cy@example.org")), ("off", ("", ""))]
)
def test_people_appear_as_the_settings_say(form, expected):
    """
    The form of a person's name holds for every place an incident names one.
    """
    read = incident_of(attributes_of(INCIDENT, form), time_ns=1)

    assert expected == (read.suspects[0].author, read.attribution.author)


def test_a_cut_list_keeps_its_first_suspect_and_says_so():
    """
    When a length limit cut the list, the first suspect is rebuilt and the loss is written down.
    """
    attributes = attributes_of(INCIDENT)
    attributes[_semconv.SUSPECTS] = str(attributes[_semconv.SUSPECTS])[:50]

    read = incident_of(attributes, time_ns=1)

    assert ["a" * 40] == [each.commit for each in read.suspects]
    assert [_semconv.SUSPECTS] == [each.subject for each in read.unverified]


def test_a_lone_surrogate_is_escaped():
    """
    A file name that is no Unicode does not stop the record from being sent.
    """
    attributes = attributes_of(dataclasses.replace(INCIDENT, message="\udcff"))

    assert "\\udcff" == attributes["exception.message"]
    assert all(value.encode() for value in attributes.values() if isinstance(value, str))

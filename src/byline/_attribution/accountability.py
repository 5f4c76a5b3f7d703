"""Who answers for a commit, and which change request brought it: people only, no AI."""

from __future__ import annotations

import re

from .identities import DEFAULT, Identities, without_aider_suffix
from .trailers import people_in, trailers_in

_SQUASHED = re.compile(r"\(#(\d{1,10})\)\s*$")
_MERGED_GITHUB = re.compile(r"Merge pull request #(\d{1,10})\b")
_MERGED_GITLAB = re.compile(r"^See merge request \S*!(\d{1,10})\s*$", re.MULTILINE)


def accountable(
    message: str,
    author: tuple[str, str],
    committer: tuple[str, str],
    *,
    by_email: bool = False,
    identities: Identities = DEFAULT,
) -> str:
    """
    Name the human who answers for a commit; empty when none is recorded.

    The author, when that is a human. Otherwise a human co-author, else who signed it off,
    else a human committer.

    Args:
        message: The whole message.
        author: Name and address, mailmapped.
        committer: Name and address, mailmapped.
        by_email: Return the address instead of the name.
        identities: Who is AI.
    """
    name, email = without_aider_suffix(author[0]), author[1]
    is_human = identities.is_person(name, email)
    if is_human and (email or not by_email):
        return email.strip() if by_email else name.strip()
    people = []
    trailers = trailers_in(message)
    for kind in ("co-author", "sign-off"):
        people += [person for each in trailers if each.kind == kind for person in people_in(each.value)]
    people.append((without_aider_suffix(committer[0]), committer[1]))
    # A company's bot signs as author with [bot] and as co-author without.
    bot = None if is_human else author[0].strip().lower().removesuffix("[bot]")
    for name, email in people:
        if name.lower() != bot and identities.is_person(name, email) and (email or not by_email):
            return email.strip() if by_email else name.strip()
    return ""


def change_number(message: str) -> str:
    """Return the number of the pull or merge request that a message records; empty when it records none."""
    subject = message.lstrip().partition("\n")[0]
    match = _MERGED_GITHUB.match(subject) or _SQUASHED.search(subject)
    if not match and "See merge request" in message:
        match = _MERGED_GITLAB.search(message)
    return match[1] if match else ""

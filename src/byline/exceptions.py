"""Every error byline raises on purpose, each with a slug that docs/messages.md explains."""

from __future__ import annotations

from typing import ClassVar


class BylineError(Exception):
    """What byline raises when it cannot do what was asked; the message says what, where and what to do."""

    slug: ClassVar[str] = "byline-error"


class ConfigError(BylineError):
    """A setting is unknown or malformed."""

    slug = "config-error"


class RepositoryError(BylineError):
    """Git cannot answer: no repository, no commits, no permission, or no git."""

    slug = "repository-error"


class ManifestError(BylineError):
    """A manifest is missing, damaged, or written by a newer byline."""

    slug = "manifest-error"


class StoreError(BylineError):
    """The store is missing, locked, read-only, damaged or on a full disk."""

    slug = "store-error"


class UnknownCommitError(BylineError):
    """A commit prefix matches nothing, or more than one commit."""

    slug = "unknown-commit"


class NotFoundError(BylineError):
    """There is no such incident, function, line, file or traceback."""

    slug = "not-found"


class MissingExtraError(BylineError, ImportError):
    """A feature needs an optional dependency that is not installed; an ``ImportError``, as everybody expects of an import."""

    slug = "missing-extra"


class SentryError(BylineError):
    """A Sentry server cannot be reached, or refuses what it was sent."""

    slug = "sentry-error"


class SourceError(BylineError):
    """A backend named by ``--source`` cannot be reached, refuses, or answers something else."""

    slug = "source-error"


class OverheadError(BylineError):
    """What marking costs cannot be measured."""

    slug = "overhead-error"


class RunError(BylineError):
    """The program that ``byline run`` was given cannot be started."""

    slug = "run-error"

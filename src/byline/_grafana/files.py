"""The written boards and rules that the package carries, and how they get into a folder; nothing is drawn here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ..exceptions import ConfigError
from .queries import Histograms

GENERATED: Final = Path(__file__).parent / "generated"

RUNBOOK: Final = "docs/how-to/alerts.md"
"""Where an alert sends people, unless they have a page of their own."""

SENTRY: Final = "https://sentry.io/issues/"
"""Where a commit's events are, unless they are elsewhere; it leads on to the organization of whoever is logged in."""

PROVISIONING: Final = """\
apiVersion: 1
providers:
  - name: byline
    folder: byline
    type: file
    allowUiUpdates: false
    options:
      path: {path}
"""


def write(
    folder: Path, *, histograms: Histograms, runbook: str = RUNBOOK, sentry: str = SENTRY
) -> list[tuple[Path, bool]]:
    """
    Put boards, rules and Grafana's provisioning file into a folder.

    Args:
        sentry: Address of Sentry's page of issues, to which ``?query=`` can be added.

    Returns:
        Each file, and whether it is new or changed.

    Raises:
        ConfigError: The folder cannot be written.
    """
    source = GENERATED / histograms
    texts = {path.relative_to(source): path.read_text("utf-8") for path in sorted(source.rglob("*.*"))}
    rules = Path("rules/byline.yaml")
    texts[rules] = texts[rules].replace(f"{RUNBOOK}#", f"{runbook}#")
    texts |= {
        name: text.replace(json.dumps(SENTRY), json.dumps(sentry))
        for name, text in texts.items()
        if name.suffix == ".json"
    }
    dashboards = json.dumps(str((folder / "dashboards").resolve()))
    texts[Path("provisioning/byline.yaml")] = PROVISIONING.format(path=dashboards)
    try:
        return [(folder / name, _write(folder / name, text)) for name, text in texts.items()]
    except OSError as error:
        raise ConfigError(
            f"Cannot write to {str(folder)!r}: {error.strerror or error}. Name another folder."
        ) from error


def _write(path: Path, text: str) -> bool:
    if path.is_file() and path.read_text("utf-8", errors="replace") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return True

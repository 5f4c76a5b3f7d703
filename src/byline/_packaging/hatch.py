"""The build hook for Hatchling: ``[tool.hatch.build.hooks.byline]`` ships the manifest in sdists and wheels."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from .._attribution.build import build, find_package
from .._attribution.repository import Repository
from .._manifest import DEFAULT_NAME, Manifest
from ..exceptions import ConfigError, RepositoryError

_OPTIONS = {"package": str, "previous": str, "author": str, "all": bool, "allow-shallow": bool}


class ManifestHook(BuildHookInterface[BuilderConfig]):
    """
    Adds ``byline.manifest`` to what is built; the work tree stays as it is.

    A wheel that is built from an sdist takes the manifest from there, since an sdist has no git.
    """

    PLUGIN_NAME = "byline"
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the manifest and name its place; an editable install reads git itself."""
        if version == "editable":
            return
        options = _checked(self.config)
        root = Path(self.root)
        package = root / options["package"] if "package" in options else find_package(root)
        manifest = self._manifest(package, options)
        inside = package.relative_to(root).as_posix()
        build_data["force_include"][str(manifest)] = f"{self._place(inside)}/{DEFAULT_NAME}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  # Hatchling's signature
        """Remove what was only written to be shipped."""
        if self._folder is not None:
            self._folder.cleanup()

    def _manifest(self, package: Path, options: dict[str, Any]) -> Path:
        shipped = package / DEFAULT_NAME
        try:
            Repository.open(package)
        except RepositoryError:
            if not shipped.is_file():
                raise
            Manifest.open(shipped)
            return shipped
        self._folder = tempfile.TemporaryDirectory(prefix="byline-")
        previous = options.get("previous")
        built = build(
            package,
            output=Path(self._folder.name) / DEFAULT_NAME,
            previous=Path(self.root) / previous if previous else None,
            everything=options.get("all", False),
            allow_shallow=options.get("allow-shallow", False),
            author="email" if options.get("author") == "email" else "name",
        )
        self.app.display_info(f"byline: {built.scan.header.ai_functions} functions by AI, {built.size} bytes")
        return built.path

    def _place(self, inside: str) -> str:
        """Return a folder of the project as it is called in what is built."""
        if self.target_name != "wheel":
            return inside
        placed = self.build_config.get_distribution_path(f"{inside}/__init__.py")
        return placed.replace("\\", "/").rpartition("/")[0]


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse what Hatchling would pass over without a word."""
    # Hatchling's own options, which every hook may have.
    given = {
        name: value
        for name, value in options.items()
        if name
        not in {
            "dependencies",
            "enable-by-default",
            "require-runtime-dependencies",
            "require-runtime-features",
        }
    }
    for name, value in given.items():
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS))
            raise ConfigError(f"[tool.hatch.build.hooks.byline]: no option {name!r}. Known: {known}.")
        if not isinstance(value, _OPTIONS[name]):
            kind = "a text" if _OPTIONS[name] is str else "true or false"
            raise ConfigError(f"[tool.hatch.build.hooks.byline]: {name} = {value!r} is not {kind}.")
    return given


@hookimpl
def hatch_register_build_hook() -> type[ManifestHook]:
    """Tell Hatchling of the hook."""
    return ManifestHook

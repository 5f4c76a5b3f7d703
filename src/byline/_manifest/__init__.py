"""The door between build and run: the manifest, written once, read by anyone, without git."""

from __future__ import annotations

from .file import ManifestFile
from .find import DEFAULT_NAME, find
from .reader import Manifest
from .records import FileRecord, FunctionRecord, Header, LineRun, Release
from .source import blob_id, text_hash
from .writer import file_row, render, write

__all__ = [
    "DEFAULT_NAME",
    "FileRecord",
    "FunctionRecord",
    "Header",
    "LineRun",
    "Manifest",
    "ManifestFile",
    "Release",
    "blob_id",
    "file_row",
    "find",
    "render",
    "text_hash",
    "write",
]

"""How Sphinx builds these pages."""

from __future__ import annotations

from importlib.metadata import version as _version

project = "byline"
author = "The byline authors"
copyright = author  # noqa: A001  # Sphinx's name for it
release = _version("byline").partition("+")[0]
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "byline"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False

# Only our own names can be missing: other projects' pages are not looked up, so that
# the documentation builds without a network.
nitpick_ignore_regex = [("py:.*", r"(?!byline\.).*"), ("py:.*", r"byline\._.*")]

copybutton_prompt_text = "$ "
doctest_test_doctest_blocks = ""

"""From paths to module names."""

from __future__ import annotations

import pytest

from byline._attribution.modules import module_name

PATHS = {
    "app.py", "shop/__init__.py", "shop/cart.py", "shop/web/__init__.py", "shop/web/app.py",
    "src/lib/__init__.py", "src/lib/core.py", "src/namespace/part/mod.py", "services/a/pkg/__init__.py",
    "services/a/pkg/x.py", "scripts/run.py", "__init__.py",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("app.py", "app"),
        ("shop/cart.py", "shop.cart"),
        ("shop/__init__.py", "shop"),
        ("shop/web/app.py", "shop.web.app"),
        ("src/lib/core.py", "lib.core"),
        ("src/lib/__init__.py", "lib"),
        ("src/namespace/part/mod.py", "namespace.part.mod"),
        ("services/a/pkg/x.py", "pkg.x"),
        ("scripts/run.py", "scripts.run"),
    ],
    ids=str,
)
def test_module_name(path, expected):
    """
    A module is named as it is imported.
    """
    assert expected == module_name(path, PATHS - {"__init__.py"})

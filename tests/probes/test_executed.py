"""What is told of the lines that ran, of more functions than OpenTelemetry's queues hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

from byline.store import Store

FUNCTIONS = 3_000

PROGRAM = f"""
import byline

source = "".join(
    f"@byline.ai_generated(tool='claude')\\ndef work_{{number}}():\\n    return {{number}}\\n" for number in range({FUNCTIONS})
)
names = {{"byline": byline, "__name__": "shop"}}
exec(compile(source, "shop.py", "exec"), names)
for number in range({FUNCTIONS}):
    names[f"work_{{number}}"]()
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="what ran is seen from Python 3.12 on")
def test_every_function_that_ran_is_told(tmp_path):
    """
    Thousands of functions that run for the first time at once are all in the store: nothing is dropped.
    """
    (tmp_path / "app.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "byline", "run", "app.py"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    with Store.open(tmp_path / ".byline" / "byline.db", read_only=True) as store:
        told = {each.function for each in store.executed()}

    assert {f"shop.work_{number}" for number in range(FUNCTIONS)} == told
    assert "dropping" not in done.stderr

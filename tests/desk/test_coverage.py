"""What ran in production, and the files that coverage viewers read."""

from __future__ import annotations

from dataclasses import replace

from coverage import CoverageData

from byline._desk.coverage import report
from byline._desk.coverage_files import write_coverage_data, write_lcov
from byline._model import ExecutedLines
from byline._store import sketches
from byline.store import Calls, Store

RAN = ExecutedLines(
    "shop.cart.total", "shop/cart.py", 10, "a" * 40, "b" * 40,
    lines=(1, 2, 3, 4), ai=(1, 2, 4), run=(1, 3), handlers=(2, 4), handlers_run=(2,),
)  # fmt: skip


def reported(folder):
    with Store.open(folder / "byline.db", create=True) as store:
        store.add(executed=[RAN])
        return report(store)


def test_ai_lines_are_added_up(tmp_path):
    """
    Only AI lines count; a person's line that ran is no AI line executed.
    """
    found = reported(tmp_path)

    assert (3, 1, 2, 1, 0) == (
        found.shipped, found.executed, found.handlers, found.handlers_never_run, found.never_called
    )  # fmt: skip
    assert [[12, 14]] == [each.missing for each in found.functions]


def test_lcov_has_each_ai_line(tmp_path):
    """
    The LCOV file has a record per file with the AI lines, those that ran and those that did not.
    """
    write_lcov(reported(tmp_path), tmp_path / "byline.info")

    assert (
        "TN:byline SF:shop/cart.py FN:10,shop.cart.total FNDA:1,shop.cart.total FNF:1 FNH:1 "
        "DA:11,1 DA:12,0 DA:14,0 LF:3 LH:1 end_of_record"
    ) == " ".join((tmp_path / "byline.info").read_text().splitlines())


def test_coverage_py_reads_its_data(tmp_path):
    """
    The data file is one of coverage.py's, with the AI lines that ran.
    """
    write_coverage_data(reported(tmp_path), tmp_path / ".coverage", tmp_path)
    data = CoverageData(basename=str(tmp_path / ".coverage"))
    data.read()

    assert [11] == data.lines(str(tmp_path / "shop" / "cart.py"))


def test_what_was_called_and_not_watched_is_no_function_never_called(tmp_path):
    """
    A function with calls but no lines, as before Python 3.12, is not known: it is listed, with what would tell.
    """
    with Store.open(tmp_path / "byline.db", create=True) as store:
        store.add(executed=[replace(RAN, run=(), handlers_run=())])
        store.add_latency([Calls("shop.cart.total", "a" * 40, "b" * 40, "", 1, sketches.of([0.1]))])
        found = report(store)

    assert (0, ()) == (found.never_called, found.functions)
    assert any("Python 3.12" in each.cure for each in found.unverified if each.subject == "shop.cart.total")

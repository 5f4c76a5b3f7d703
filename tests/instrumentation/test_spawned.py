"""The main script's functions in processes that multiprocessing starts anew."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from byline.store import Store

from ..repositories import RepositoryFactory

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
PROGRAM = textwrap.dedent(
    """\
    import concurrent.futures
    import multiprocessing
    import sys


    class Order:
        def total(self, number):
            return 1 / number


    def work(number):
        try:
            return Order().total(number)
        except ZeroDivisionError:
            return None


    if __name__ == "__main__":
        how, kind = sys.argv[1:]
        context = multiprocessing.get_context(how)
        if kind == "Process":
            for number in range(3):
                process = context.Process(target=work, args=(number,))
                process.start()
                process.join()
        elif kind == "Pool":
            with context.Pool(2) as pool:
                pool.map(work, range(3), chunksize=1)
                pool.close()
                pool.join()
        else:
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                list(pool.map(work, range(3)))
        work(7)
    """
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A repository whose one commit, with a tool's trailer, wrote the main script; scanned."""
    repository = RepositoryFactory(tmp_path_factory.mktemp("spawned"))
    repository.commit({"job.py": PROGRAM}, message=CLAUDE)
    byline(repository.path, "scan")
    return repository.path


def byline(folder, *words):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "byline", *words],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return done


@pytest.mark.parametrize(
    ("how", "kind"),
    [("spawn", "Process"), ("spawn", "ProcessPoolExecutor"), ("forkserver", "Pool")],
    ids=str,
)
def test_each_call_is_counted_once(checkout, tmp_path, how, kind):
    """
    The main script is run again in each process, and its functions are measured there as well, under one name.
    """
    if sys.platform == "win32" and how != "spawn":
        pytest.skip("Windows has only spawn")
    done = byline(checkout, "run", "--store", str(tmp_path / "x.db"), "job.py", how, kind)

    with Store.open(tmp_path / "x.db", read_only=True) as store:
        calls: dict[str, int] = {}
        for each in store.latency():
            calls[each.function] = calls.get(each.function, 0) + each.sketch.count
        failed = [each.function for each in store.incidents()]
        missed = [each.subject for each in store.unverified()]
    assert {"job.work": 4, "job.Order.total": 4} == calls, done.stderr
    assert ["job.Order.total"] == failed
    assert "job.py" not in missed

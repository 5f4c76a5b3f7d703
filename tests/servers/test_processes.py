"""Servers and workers that people run: each request and each task is counted once, in whichever process it was served."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..repositories import RepositoryFactory
from . import programs, serving

pytestmark = pytest.mark.server

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"
REQUESTS = 120

WORK = """
def answer(number):
    return b"%d" % number

def parts(count):
    yield from range(count)

async def fetch(number):
    return answer(number)
"""
WSGI = """
import time
import work

def application(environ, start_response):
    time.sleep(0.002)
    body = work.answer(len(list(work.parts(3))))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
ASGI = """
import asyncio
import work

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await asyncio.sleep(0.002)
    body = await work.fetch(len(list(work.parts(3))))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""
TASKS = """
import os
from celery import Celery
import work

app = Celery("tasks", broker=os.environ["BROKER"])

@app.task
def count(number):
    return int(work.answer(number))
"""
FILES = {
    "wsgi.py": WSGI,
    "asgi.py": ASGI,
    "tasks.py": TASKS,
    "tasks_inside.py": f"import byline\nbyline.instrument()\n{TASKS}",
    "wsgi_inside.py": f"import byline\nbyline.instrument()\n{WSGI}",
    "asgi_inside.py": f"import byline\nbyline.instrument()\n{ASGI}",
}

RUN = (sys.executable, "-m", "byline", "run", "--store", "x.db")
AUTO = ("opentelemetry-instrument",)
BIND = ("-b", "127.0.0.1:{port}", "--graceful-timeout", "4")
OTEL = {f"OTEL_{signal}_EXPORTER": "byline" for signal in ("TRACES", "METRICS", "LOGS")}
STORE = {"BYLINE_STORE": "x.db"}

SERVERS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "gunicorn": ((*RUN, "gunicorn", "wsgi", *BIND, "-w", "2"), {}),
    "gunicorn-threads": ((*RUN, "gunicorn", "wsgi", *BIND, "-w", "2", "--threads", "4"), {}),
    "gunicorn-preload": ((*RUN, "gunicorn", "wsgi", *BIND, "-w", "2", "--preload"), {}),
    "gunicorn-gevent": ((*RUN, "gunicorn", "wsgi", *BIND, "-w", "2", "-k", "gevent"), {}),
    "gunicorn-inside": (("gunicorn", "wsgi_inside", *BIND, "-w", "2"), STORE),
    "gunicorn-inside-preload": (("gunicorn", "wsgi_inside", *BIND, "-w", "2", "--preload"), STORE),
    "gunicorn-opentelemetry": ((*AUTO, "gunicorn", "wsgi", *BIND, "-w", "2"), {**OTEL, **STORE}),
    "uvicorn": ((*RUN, "uvicorn", "asgi:application", "--port", "{port}"), {}),
    "uvicorn-workers": ((*RUN, "uvicorn", "asgi:application", "--port", "{port}", "--workers", "2"), {}),
    "uvicorn-inside": (("uvicorn", "asgi_inside:application", "--port", "{port}"), STORE),
    "uvicorn-inside-workers": (
        ("uvicorn", "asgi_inside:application", "--port", "{port}", "--workers", "2"),
        STORE,
    ),
    "uvicorn-opentelemetry": ((*AUTO, "uvicorn", "asgi:application", "--port", "{port}"), {**OTEL, **STORE}),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A scanned repository with applications by people, and the work they do by AI."""
    repository = RepositoryFactory(tmp_path / "app")
    repository.commit(FILES, message="Serve")
    repository.commit({"work.py": WORK}, message=CLAUDE)
    serving.byline(repository.path, "scan")
    return repository.path


def instances(store: Path) -> tuple[int, int]:
    """Return how many processes wrote to a store, and how many instance ids they have."""
    connection = sqlite3.connect(store)
    names = [name for (name,) in connection.execute("SELECT name FROM process WHERE id > 0")]
    connection.close()
    return len(names), len({name.partition(":")[0] for name in names})


@pytest.mark.parametrize("server", SERVERS, ids=str)
def test_requests_are_counted_once(checkout, server):
    """
    Requests sent are calls counted, in each worker, and SIGTERM ends the server as ever, soon.
    """
    port = serving.free_port()
    words, variables = SERVERS[server]
    words = tuple(word.format(port=port) for word in words)

    with serving.running(list(words), checkout, **variables) as process:
        process.listens(port)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(serving.status_of, [f"http://127.0.0.1:{port}/"] * REQUESTS))
        status, took_s = process.end()

    assert [200] * REQUESTS == answers, process.said()
    calls = serving.calls(checkout / "x.db")
    assert (REQUESTS, REQUESTS) == (calls["answer"], calls["parts"]), process.said()
    processes, ids = instances(checkout / "x.db")
    assert processes == ids
    assert took_s < 10, process.said()
    assert status in (0, -15), process.said()
    assert "byline failed" not in process.said()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server of the tests' own."""
    port = serving.free_port()
    words = [programs.program("redis-server"), "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    with serving.running(words, tmp_path_factory.mktemp("redis")) as server:
        server.listens(port)
        yield f"redis://127.0.0.1:{port}"


WORKERS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "prefork": ((*RUN, "celery", "-A", "tasks", "worker", "-c", "2"), {}),
    # A worker ends after seven tasks, by os._exit, and another one takes its place.
    "prefork-short-lived": (
        (*RUN, "celery", "-A", "tasks", "worker", "-c", "2", "--max-tasks-per-child", "7"),
        {},
    ),
    "prefork-inside": (
        ("celery", "-A", "tasks_inside", "worker", "-c", "2", "--max-tasks-per-child", "7"),
        STORE,
    ),
    "threads": ((*RUN, "celery", "-A", "tasks", "worker", "-c", "2", "--pool", "threads"), {}),
}


@pytest.mark.parametrize("worker", WORKERS, ids=str)
def test_tasks_are_counted_once(checkout, broker, worker):
    """
    Tasks sent over Redis to Celery's workers are calls counted, although forked ones end by os._exit.
    """
    words, variables = WORKERS[worker]
    app = words[words.index("-A") + 1]
    send = f"import {app} as tasks\nfor number in range({REQUESTS}): tasks.count.delay(number)"
    queue = {"BROKER": f"{broker}/{list(WORKERS).index(worker)}"}  # a database for each

    with serving.running([*words, "--loglevel", "INFO"], checkout, **variables, **queue) as process:
        process.wait_for("ready.")
        subprocess.run(
            [sys.executable, "-c", send], cwd=checkout, env=serving.clean_environment(**queue), check=True
        )
        process.wait_for("succeeded", REQUESTS)
        status, took_s = process.end()

    assert {"answer": REQUESTS} == serving.calls(checkout / "x.db"), process.said()
    assert instances(checkout / "x.db")[0] == instances(checkout / "x.db")[1]
    assert 0 == status, process.said()
    assert took_s < 15, process.said()
    assert "byline failed" not in process.said()


PROGRAMS = {
    "threads": """
        import threading
        def many():
            for number in range(COUNT // 8): work.answer(number)
        threads = [threading.Thread(target=many) for _ in range(8)]
        for each in threads: each.start()
        for each in threads: each.join()
    """,
    "asyncio": """
        import asyncio
        async def one(number):
            await asyncio.sleep(0)
            await work.fetch(number)
        async def main():
            async with asyncio.TaskGroup() as group:
                for number in range(COUNT): group.create_task(one(number))
        asyncio.run(main())
    """,
    "trio": """
        import trio
        async def main():
            async with trio.open_nursery() as nursery:
                for number in range(COUNT): nursery.start_soon(work.fetch, number)
        trio.run(main)
    """,
    "anyio": """
        import anyio
        async def main():
            async with anyio.create_task_group() as group:
                for number in range(COUNT): group.start_soon(work.fetch, number)
        anyio.run(main)
    """,
    "anyio-on-trio": """
        import anyio
        async def main():
            async with anyio.create_task_group() as group:
                for number in range(COUNT): group.start_soon(anyio.to_thread.run_sync, work.answer, number)
        anyio.run(main, backend="trio")
    """,
    "gevent": """
        import gevent
        def one(number):
            gevent.sleep(0.001)
            work.answer(number)
        gevent.joinall([gevent.spawn(one, number) for number in range(COUNT)])
    """,
    "fork": """
        import os
        for _ in range(4):
            child = os.fork()
            if not child:
                for number in range(COUNT // 4): work.answer(number)
                raise SystemExit
            os.waitpid(child, 0)
    """,
    "multiprocessing-fork": """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(work.answer, range(COUNT))
            pool.close()
            pool.join()
    """,
    "multiprocessing-spawn": """
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(work.answer, range(COUNT))
            pool.close()
            pool.join()
    """,
    "process-pool": """
        import concurrent.futures
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            list(pool.map(work.answer, range(COUNT)))
    """,
}


@pytest.mark.parametrize("way", PROGRAMS, ids=str)
def test_concurrent_calls_are_counted_once(checkout, way):
    """
    Calls made are calls counted, whatever runs at the same time, and the program ends as it would.
    """
    patch = "from gevent import monkey\nmonkey.patch_all()\n" if way == "gevent" else ""
    body = textwrap.indent(textwrap.dedent(PROGRAMS[way]), "    ")
    start = f'{patch}import work\n\nCOUNT = 800\n\nif __name__ == "__main__":\n{body}'
    (checkout / "job.py").write_text(start)

    done = subprocess.run(
        [*RUN, "job.py"],
        cwd=checkout, env=serving.clean_environment(PYTHONWARNINGS="ignore"), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip

    calls = serving.calls(checkout / "x.db")
    assert 0 == done.returncode, done.stderr
    assert {"fetch": 800, "answer": 800}.items() >= calls.items(), done.stderr
    assert 800 == calls["answer"], done.stderr
    assert "byline failed" not in done.stderr


PATCHED = """
import byline
from byline._telemetry import worker
from gevent import monkey
monkey.patch_all()
import queue
done = []
worker.submit(lambda: done.append(1))
assert type(worker._worker._queue) is queue.SimpleQueue is not __import__("_queue").SimpleQueue
assert worker.flush() and done == [1]
"""


def test_a_thread_that_starts_after_gevents_patch(tmp_path):
    """
    The background thread is a greenlet then, so it waits on gevent's queue: another one would stop all greenlets.
    """
    done = subprocess.run(
        [sys.executable, "-c", PATCHED],
        cwd=tmp_path, env=serving.clean_environment(PYTHONWARNINGS="ignore"), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)

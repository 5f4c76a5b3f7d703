"""The eight failure patterns: real exceptions of real libraries, and what they are signs of."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import pickle
import queue
import socket
import sqlite3
import subprocess
import sys
import tarfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy
from sqlalchemy import orm, pool

from byline import _patterns
from byline._patterns import Pattern, classify, signs_of


@contextmanager
def disposing(engine: sqlalchemy.Engine) -> Iterator[None]:
    """Close an engine's connections in the end."""
    try:
        yield
    finally:
        engine.dispose()


def no_such_module():
    import requestz  # noqa: F401  # nobody has it


def no_such_name():
    from json import load_file  # noqa: F401  # it has none


def no_such_attribute():
    json.parse("{}")


def no_such_method():
    "text".reverse()


def no_such_argument():
    json.dumps({}, pretty=True)


def wrong_signature():
    Path.joinpath()


def too_many_arguments():
    queue.Queue(1, 2, 3)


def undefined_name():
    return pandas  # noqa: F821  # it is not imported


def statements_in_a_value():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT 1; DROP TABLE user")


def a_quote_in_a_value():
    name = "O'Brien"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"SELECT '{name}'")  # that is the point


def a_member_outside(folder: Path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../outside"))
    data.seek(0)
    with tarfile.open(fileobj=data) as archive:
        archive.extractall(folder, filter="data")


def foreign_pickle():
    pickle.loads(b"\x80\x05.")  # noqa: S301  # that is the point


def a_zero_byte():
    Path("a\0b").open()  # noqa: SIM115  # it never opens


def a_slow_program():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(9)"], timeout=0.2, check=True)


async def _slow():
    await asyncio.wait_for(asyncio.sleep(9), 0.01)


def a_slow_task():
    asyncio.run(_slow())


def endless_recursion():
    endless_recursion()


def nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    urllib.request.urlopen(f"http://127.0.0.1:{port}/")  # nobody is there


def _server(answer: bytes | None) -> int:
    """Take one connection and answer it, or hang up without a word."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, listening.accept()[0] as connection:
            connection.recv(1_000)
            if answer is None:
                connection.recv(1_000)  # until the client hangs up, however long it takes to give up
            else:
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return listening.getsockname()[1]


def it_hangs_up():
    with closing(http.client.HTTPConnection("127.0.0.1", _server(b""))) as connection:
        connection.request("GET", "/")
        connection.getresponse()


def it_does_not_answer():
    with closing(http.client.HTTPConnection("127.0.0.1", _server(None), timeout=0.1)) as connection:
        connection.request("GET", "/")
        connection.getresponse()


def it_answers_nonsense():
    json.loads("<html>502 Bad Gateway</html>")


def half_an_answer():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nhalf"
    with closing(http.client.HTTPConnection("127.0.0.1", _server(answer))) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()


def no_such_file():
    Path("/no/such/file").read_text()


def files_left_open():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    kept = []
    try:
        while True:
            kept.append(Path("/dev/null").open("rb"))  # noqa: SIM115  # that is the point
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in kept:
            each.close()


def connections_not_given_back(folder: Path):
    engine = sqlalchemy.create_engine(
        f"sqlite:///{folder}/shop.db", poolclass=pool.QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.1
    )
    with disposing(engine), engine.connect():
        engine.connect()


def a_changing_dictionary():
    prices = {"a": 1, "b": 2}
    for each in prices:
        prices[each + "x"] = 1


def a_locked_database(folder: Path):
    one = sqlite3.connect(folder / "shop.db", timeout=0.05, isolation_level=None)
    other = sqlite3.connect(folder / "shop.db", timeout=0.05, isolation_level=None)
    try:
        one.execute("BEGIN EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
    finally:
        one.close()
        other.close()


def written_twice():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        for _ in range(2):
            connection.execute("INSERT INTO orders VALUES (1)")


def written_twice_through_an_orm():
    engine = sqlalchemy.create_engine("sqlite://")
    with disposing(engine), engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE orders (id INTEGER PRIMARY KEY)"))
        for _ in range(2):
            connection.execute(sqlalchemy.text("INSERT INTO orders VALUES (1)"))


def a_stale_row():
    class Base(orm.DeclarativeBase):
        """Where tables are declared."""

    class Order(Base):
        """A row with a version."""

        __tablename__ = "orders"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        total = sqlalchemy.Column(sqlalchemy.Integer)
        version = sqlalchemy.Column(sqlalchemy.Integer)
        __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's form

    engine = sqlalchemy.create_engine("sqlite://", poolclass=pool.StaticPool)
    Base.metadata.create_all(engine)
    with disposing(engine), orm.Session(engine) as session:
        session.add(Order(id=1, total=1))
        session.commit()
        order = session.get(Order, 1)
        session.execute(sqlalchemy.text("UPDATE orders SET version = 9"))
        order.total = 2
        session.commit()


def a_generator_in_two_threads():
    def numbers():
        yield next(running)

    running = numbers()
    next(running)


def made_by_somebody_else(folder: Path):
    folder.mkdir()


def nothing_to_divide_by():
    return 1 / len([])


def an_empty_list():
    return [][0]  # noqa: PLE0643  # that is the point


def an_empty_sequence():
    return max([])


def too_few_values():
    _first, _second = [1]


def text_for_a_number():
    int("12 EUR")


def nothing_found():
    return {}.get("user")["name"]


def a_missing_key():
    return {}["user"]


def another_encoding():
    b"\xff\xfe".decode()


def text_and_number():
    return "total: " + 3


def a_variable_never_set(found=False):
    if found:
        value = 1
    return value


CASES: tuple[tuple[Callable[..., object], Pattern, str], ...] = (
    (no_such_module, "hallucinated-dependency", "high"),
    (no_such_name, "hallucinated-api", "high"),
    (no_such_attribute, "hallucinated-api", "high"),
    (no_such_method, "hallucinated-api", "medium"),
    (no_such_argument, "hallucinated-api", "high"),
    (wrong_signature, "hallucinated-api", "medium"),
    (too_many_arguments, "hallucinated-api", "medium"),
    (undefined_name, "hallucinated-api", "medium"),
    (statements_in_a_value, "security", "high"),
    (a_quote_in_a_value, "security", "medium"),
    (a_member_outside, "security", "high"),
    (foreign_pickle, "security", "medium"),
    (a_zero_byte, "security", "medium"),
    (a_slow_program, "performance", "high"),
    (a_slow_task, "performance", "low"),
    (endless_recursion, "performance", "low"),
    (nobody_listens, "missing-error-handling", "high"),
    (it_hangs_up, "missing-error-handling", "high"),
    (it_does_not_answer, "missing-error-handling", "high"),
    (it_answers_nonsense, "missing-error-handling", "medium"),
    (half_an_answer, "missing-error-handling", "high"),
    (no_such_file, "missing-error-handling", "medium"),
    (files_left_open, "resource-leak", "high"),
    (connections_not_given_back, "resource-leak", "high"),
    (a_changing_dictionary, "race-condition", "high"),
    (a_locked_database, "race-condition", "high"),
    (written_twice, "race-condition", "medium"),
    (written_twice_through_an_orm, "race-condition", "medium"),
    (a_stale_row, "race-condition", "high"),
    (a_generator_in_two_threads, "race-condition", "high"),
    (made_by_somebody_else, "race-condition", "low"),
    (nothing_to_divide_by, "edge-case", "high"),
    (an_empty_list, "edge-case", "high"),
    (an_empty_sequence, "edge-case", "high"),
    (too_few_values, "edge-case", "high"),
    (text_for_a_number, "edge-case", "high"),
    (nothing_found, "edge-case", "high"),
    (a_missing_key, "edge-case", "medium"),
    (another_encoding, "edge-case", "medium"),
    (text_and_number, "edge-case", "medium"),
    (a_variable_never_set, "edge-case", "medium"),
)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("fail", "pattern", "certainty"), CASES, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_real_exception_is_classified(tmp_path, fail, pattern, certainty):
    """
    What a real library raises is a sign of the pattern that it is an example of, and so is its text alone.
    """
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # whatever the library raises
        fail(tmp_path) if fail.__code__.co_argcount and fail.__defaults__ is None else fail()
    found = classify(*signs_of(caught.value))

    assert found is not None, repr(caught.value)
    assert (pattern, certainty) == (found.pattern, found.certainty), repr(caught.value)


def test_every_pattern_has_an_example():
    """
    Each of the eight patterns is shown by a real exception.
    """
    assert set(get_args(Pattern)) == {pattern for _, pattern, _ in CASES}


def test_a_group_is_classified_by_its_first_member():
    """
    A group is no pattern; what is in it is.
    """
    group = ExceptionGroup("several", [ExceptionGroup("inner", [ZeroDivisionError("division by zero")])])

    assert "edge-case" == classify(*signs_of(group)).pattern


def test_what_no_rule_knows_is_nothing():
    """
    An exception of the program's own is no sign of anything, and one that cannot be printed does no harm.
    """

    class OrderError(Exception):
        def __str__(self):
            raise RuntimeError

    assert classify(*signs_of(OrderError())) is None


def test_the_text_of_the_store_will_do():
    """
    Without the bases, the name of the type and the message say the same for types that a rule names.
    """
    assert "hallucinated-api" == classify(["TypeError"], "f() got an unexpected keyword argument 'x'").pattern
    assert "missing-error-handling" == classify(["http.client.RemoteDisconnected"], "").pattern


def test_a_rule_is_a_sentence_part():
    """
    Each rule says in words what it has seen, and names types as Python does.
    """
    for rule in _patterns.rules():
        assert rule.reason
        assert not rule.reason.endswith(".")
        assert all(part.isidentifier() for name in rule.types for part in name.split("."))

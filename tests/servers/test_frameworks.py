"""What frameworks take hold of while a module is imported is the measured function, and behaves as the user's own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ..repositories import RepositoryFactory
from . import serving

pytestmark = pytest.mark.server

CLAUDE = "Add it\n\nCo-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>\n"

# By framework: what AI wrote, what a person's program does with it, and how often each function is called.
CASES: dict[str, tuple[str, str, dict[str, int]]] = {
    "flask": (
        """
        from flask import Flask
        app = Flask("shop")
        @app.route("/item/<int:number>")
        def item(number): return str(number)
        @app.before_request
        def before(): return None
        @app.errorhandler(404)
        def missing(error): return "none", 404
        """,
        """
        client = code.app.test_client()
        assert client.get("/item/3").text == "3" and client.get("/x").status_code == 404
        """,
        {"item": 1, "before": 2, "missing": 1},
    ),
    "fastapi": (
        """
        from typing import Annotated
        from fastapi import Depends, FastAPI
        from pydantic import BaseModel
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route
        class Item(BaseModel):
            number: int
        def user(name: str = "ana") -> str: return name
        app = FastAPI()
        @app.get("/item/{number}")
        async def item(number: int, who: Annotated[str, Depends(user)]) -> Item: return Item(number=number)
        @app.get("/plain")
        def plain() -> str: return "plain"
        async def page(request): return PlainTextResponse("page")
        app.router.routes.append(Route("/page", page))
        @app.middleware("http")
        async def around(request, call_next): return await call_next(request)
        """,
        """
        import asyncio
        async def get(path):
            sent = []
            async def receive(): return {"type": "http.request", "body": b""}
            async def send(message): sent.append(message)
            scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path,
                     "raw_path": path.encode(), "query_string": b"", "headers": [], "root_path": "", "scheme": "http"}
            await code.app(scope, receive, send)
            return sent[0]["status"], b"".join(each.get("body", b"") for each in sent)
        assert asyncio.run(get("/item/3")) == (200, b'{"number":3}'), asyncio.run(get("/item/3"))
        assert asyncio.run(get("/plain"))[0] == asyncio.run(get("/page"))[0] == 200
        assert asyncio.run(get("/item/x"))[0] == 422
        assert code.app.openapi()["paths"]["/item/{number}"]["get"]["parameters"][0]["schema"]["type"] == "integer"
        """,
        {"user": 2, "item": 1, "plain": 1, "page": 1, "around": 4},
    ),
    "django": (
        """
        from django.core.signals import request_started
        from django.dispatch import receiver
        from django.http import HttpResponse
        from django.urls import path
        from django.views import View
        from django.views.decorators.cache import never_cache
        @never_cache
        def plain(request): return HttpResponse("plain")
        async def later(request): return HttpResponse("later")
        class Page(View):
            def get(self, request, number): return HttpResponse(str(number))
        @receiver(request_started)
        def started(sender, **_): return None
        urlpatterns = [path("plain", plain), path("later", later), path("page/<int:number>", Page.as_view())]
        """,
        """
        import django
        from django.conf import settings
        settings.configure(ROOT_URLCONF="code_under_test", ALLOWED_HOSTS=["*"], SECRET_KEY="x")
        django.setup()
        from django.test import Client
        client = Client()
        assert [client.get(each).content for each in ("/plain", "/later", "/page/3")] == [b"plain", b"later", b"3"]
        """,
        {"plain": 1, "later": 1, "get": 1, "started": 3},
    ),
    "celery": (
        """
        from celery import Celery, shared_task, signals
        app = Celery("shop", broker="memory://")
        app.conf.task_always_eager = True
        @app.task
        def add(a, b): return a + b
        @app.task(bind=True, autoretry_for=(KeyError,), max_retries=2, retry_backoff=False, default_retry_delay=0)
        def retried(self): raise KeyError("no")
        @shared_task
        def shared(a): return a
        @signals.task_prerun.connect
        def before(**_): return None
        """,
        """
        assert code.add.delay(1, 2).get() == 3 and code.shared.delay(1).get() == 1
        assert type(code.retried.delay().result) is KeyError
        """,
        {"add": 1, "shared": 1, "retried": 3, "before": 5},
    ),
    "click": (
        """
        import click
        @click.group()
        @click.option("--loud", is_flag=True)
        def main(loud): return None
        @main.command()
        @click.argument("name")
        @click.pass_context
        def greet(context, name): click.echo(name)
        """,
        """
        from click.testing import CliRunner
        assert CliRunner().invoke(code.main, ["--loud", "greet", "ana"]).output == "ana\\n"
        """,
        {"main": 1, "greet": 1},
    ),
    "pydantic": (
        """
        from pydantic import BaseModel, computed_field, field_validator, model_validator, validate_call
        class Item(BaseModel):
            number: int
            @field_validator("number")
            @classmethod
            def positive(cls, value): return abs(value)
            @model_validator(mode="after")
            def whole(self): return self
            @computed_field
            @property
            def double(self) -> int: return 2 * self.number
        @validate_call
        def checked(number: int) -> int: return number
        """,
        """
        assert code.Item(number=-2).model_dump() == {"number": 2, "double": 4}
        assert code.checked("3") == 3
        """,
        {"positive": 1, "whole": 1, "double": 1, "checked": 1},
    ),
    "sqlalchemy": (
        """
        from sqlalchemy import create_engine, event, text
        from sqlalchemy.ext.hybrid import hybrid_property
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates
        engine = create_engine("sqlite://")
        class Base(DeclarativeBase): pass
        class Item(Base):
            __tablename__ = "item"
            number: Mapped[int] = mapped_column(primary_key=True)
            @validates("number")
            def valid(self, key, value): return value
            @hybrid_property
            def double(self): return self.number * 2
        @event.listens_for(engine, "connect")
        def connected(connection, record): return None
        @event.listens_for(Item, "before_insert")
        def inserted(mapper, connection, target): return None
        """,
        """
        from sqlalchemy.orm import Session
        code.Base.metadata.create_all(code.engine)
        with Session(code.engine) as session:
            session.add(code.Item(number=2))
            session.commit()
            assert session.query(code.Item).one().double == 4
        """,
        {"valid": 1, "double": 1, "connected": 1, "inserted": 1},
    ),
    "pytest": (
        """
        import pytest
        @pytest.fixture
        def number(): return 3
        @pytest.fixture
        def opened():
            yield 4
        def pytest_collection_modifyitems(items): return None
        """,
        """
        import pathlib, pytest
        pathlib.Path("test_it.py").write_text(
            "from code_under_test import number, opened\\n"
            "def test_it(number, opened): assert (number, opened) == (3, 4)\\n"
        )
        assert pytest.main(["-q", "-p", "no:cacheprovider", "-p", "code_under_test", "test_it.py"]) == 0
        """,
        {"number": 1, "opened": 1, "pytest_collection_modifyitems": 1},
    ),
}


@pytest.mark.parametrize("framework", CASES, ids=str)
def test_captured_at_definition(tmp_path, framework):
    """
    Each function that a framework keeps from a decorator is counted as often as the framework calls it.
    """
    source, use, expected = CASES[framework]
    repository = RepositoryFactory(tmp_path / "app")
    start = "import code_under_test as code\n"
    repository.commit({"program.py": start + dedent(use)}, message="Start")
    repository.commit({"code_under_test.py": dedent(source)}, message=CLAUDE)
    serving.byline(repository.path, "scan")

    done = subprocess.run(
        [sys.executable, "-m", "byline", "run", "--store", "x.db", "program.py"],
        cwd=repository.path, env=serving.clean_environment(), capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip

    assert 0 == done.returncode, done.stdout + done.stderr
    found = serving.calls(repository.path / "x.db")
    assert expected == {name: found.get(name, 0) for name in expected}, json.dumps(found)


def dedent(source: str) -> str:
    return "\n".join(line.removeprefix(" " * 8) for line in source.splitlines()) + "\n"

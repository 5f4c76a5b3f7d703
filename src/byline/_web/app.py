"""The pages: addresses, and which template shows what."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .._desk import words
from .._desk.why import explain_incident
from .._manifest import Manifest
from ..exceptions import BylineError, NotFoundError, UnknownCommitError
from ..store import Store
from . import charts, questions
from .guard import Guard

_HERE = Path(__file__).parent
_PLOTTED = timedelta(days=7)
_VERSIONS = 5

Answer = Callable[[Store, Request], Response]


class Pages:
    """What is served from one store."""

    def __init__(self, store: Path, manifest: Manifest | None = None) -> None:
        self._store = store
        self._manifest = manifest
        self._templates = Environment(
            loader=PackageLoader("byline._web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters |= {
            "ago": words.ago, "count": words.count, "duration": words.duration, "iso": words.iso,
            "moment": words.moment, "share": words.share, "short": words.short, "visible": words.visible,
        }  # fmt: skip

    def app(self) -> Guard:
        """Return the application."""
        routes = [
            Route("/", self._answered(self._overview)),
            Route("/commit/{commit}", self._answered(self._commit)),
            Route("/function/{function}", self._answered(self._function)),
            Route("/incident/{incident}", self._answered(self._incident)),
            Route("/picture/incidents.svg", self._answered(self._incidents_picture)),
            Route("/picture/latency/{function}.svg", self._answered(self._latency_picture)),
            Route("/picture/distribution/{function}.svg", self._answered(self._distribution_picture)),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]
        return Guard(Starlette(routes=routes, exception_handlers={404: self._nothing}))

    def _answered(self, answer: Answer) -> Callable[[Request], Response]:
        """Open the store for one answer; what byline cannot do is a page that says so."""

        def respond(request: Request) -> Response:
            try:
                with Store.open(self._store, read_only=True) as store:
                    return answer(store, request)
            except (NotFoundError, UnknownCommitError) as error:
                return self._page("error.html", 404, title="Not found", told=str(error))
            except BylineError as error:
                return self._page("error.html", 503, title="No answer", told=str(error))

        return respond

    async def _nothing(self, request: Request, _error: Exception) -> Response:
        return self._page(
            "error.html", 404, title="Not found", told=f"There is no page {request.url.path!r}."
        )

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        shown = self._templates.get_template(template).render(
            store=self._store, now_ns=time.time_ns(), **values
        )
        return HTMLResponse(shown, status)

    def _overview(self, store: Store, _request: Request) -> Response:
        labels, counts = questions.over_time(store, datetime.now(UTC))
        totals = {name: sum(each) for name, each in counts.items()}
        return self._page(
            "overview.html",
            title="AI commits in production",
            page=questions.overview(store),
            totals=totals,
            slots=len(labels),
        )

    def _commit(self, store: Store, request: Request) -> Response:
        page = questions.commit_page(store, request.path_params["commit"])
        return self._page("commit.html", title=f"Commit {words.short(page.commit)}", page=page)

    def _function(self, store: Store, request: Request) -> Response:
        page = questions.function_page(store, request.path_params["function"])
        return self._page("function.html", title=page.function, page=page)

    def _incident(self, store: Store, request: Request) -> Response:
        why = explain_incident(store, request.path_params["incident"], manifest=self._manifest)
        return self._page("incident.html", title=why.incident.error_type, page=why)

    def _incidents_picture(self, store: Store, _request: Request) -> Response:
        return _picture(charts.stacked(*questions.over_time(store, datetime.now(UTC))))

    def _latency_picture(self, store: Store, request: Request) -> Response:
        page = questions.function_page(store, request.path_params["function"])
        versions = [each.version for each in page.versions[:_VERSIONS]]
        since = datetime.now(UTC) - _PLOTTED
        return _picture(charts.lines(*questions.p95_over_time(store, page.function, versions, since=since)))

    def _distribution_picture(self, store: Store, request: Request) -> Response:
        bounds, shares = questions.distribution(store, request.path_params["function"])
        return _picture(charts.bars([words.duration(each) for each in bounds], shares))


def _picture(drawn: bytes) -> Response:
    return Response(drawn, media_type="image/svg+xml")

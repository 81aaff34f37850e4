"""The page's requests, as a web application: each needs the token, and comes from this machine."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_noise.errors import StorageError, TuneNoiseError, UserError
from tune_noise.service.review.work import Review, check_person, check_word

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_FOLDER = Path(__file__).parent / "page"
# Nothing is loaded from elsewhere, and nobody may show the page within another.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HOSTS = ["127.0.0.1", "localhost"]


@dataclass(frozen=True)
class Words:
    """What the page says of the review.

    Attributes:
        title: its heading.
        question: what is asked of each example.
        list_id: stands for the list of examples: a page that shows another one is refused.
        person: who answers where the address says nobody.
        finish: what comes after the last example.
        interval: returns what the answers so far tell, or an empty text.
    """

    title: str
    question: str
    list_id: str
    person: str
    finish: str
    interval: Callable[[], str]


def make_app(review: Review, words: Words, token: str) -> "Starlette":
    """Return the application, all of whose addresses begin with the token."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def progress() -> dict[str, Any]:
        return {"checked": review.num_checked, "interval": words.interval()}

    def state(request: Request) -> Response:
        person = check_person(request.query_params.get("person") or words.person)
        return JSONResponse(
            {
                "title": words.title,
                "question": words.question,
                "list": words.list_id,
                "finish": words.finish,
                "person": person,
                "classes": list(review.class_names),
                "total": len(review.tasks),
                "mine": review.answers_of(person),
                **progress(),
            }
        )

    def example(request: Request) -> Response:
        return JSONResponse(review.show(request.path_params["place"]))

    def picture(request: Request) -> Response:
        return Response(review.picture(request.path_params["place"]), media_type="image/png")

    def check_list(body: dict[str, Any]) -> None:
        if body.get("list") != words.list_id:
            raise UserError("this page shows other examples than the command now: load it again")

    def take(body: dict[str, Any]) -> dict[str, Any]:
        check_list(body)
        page, person = check_word(body.get("client"), "client"), check_person(body.get("person"))
        holding, count = body.get("holding"), body.get("count")
        if not isinstance(holding, list) or type(count) is not int:
            raise UserError("holding must be a list, and count a whole number")
        places, left = review.take(page, person, [p for p in holding if type(p) is int], count)
        return {"tasks": [review.show(place) for place in places], "left": left}

    def answers(body: dict[str, Any]) -> dict[str, Any]:
        check_list(body)
        entries = body.get("entries")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise UserError("entries must be a list of objects")
        review.save(entries)
        return progress()

    def release(body: dict[str, Any]) -> dict[str, Any]:
        review.release(check_word(body.get("client"), "client"))
        return {}

    def refusal(_: Request, error: Exception) -> Response:
        is_mine = isinstance(error, StorageError) or not isinstance(error, UserError)
        return PlainTextResponse(str(error), status_code=503 if is_mine else 400)

    api = [
        Route("/state", state),
        Route("/example/{place:int}", example),
        Route("/picture/{place:int}", picture),
        *(
            Route(f"/{work.__name__}", _taking(work), methods=["POST"])
            for work in (take, answers, release)
        ),
    ]
    page = StaticFiles(directory=PAGE_FOLDER, html=True)
    return Starlette(
        routes=[Mount(f"/{token}", routes=[Mount("/api", routes=api), Mount("/", page)])],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
            Middleware(_Guard, token=token),
        ],
        exception_handlers={TuneNoiseError: refusal},
    )


def _taking(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    """Return an endpoint that takes a JSON object, and works in a thread of its own."""
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response

    async def endpoint(request: Request) -> Response:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise UserError("the request must be a JSON object")
        return JSONResponse(await run_in_threadpool(work, body))

    return endpoint


class _Guard:
    """Answers 403 to every request whose address does not begin with the token; adds headers."""

    def __init__(self, app: "ASGIApp", token: str) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.responses import PlainTextResponse

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (name.lower().encode(), value.encode()) for name, value in HEADERS.items()
                ]
            await send(message)

        given = scope.get("path", "").split("/")[1]
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            refused = "the address lacks the token: open the one that the command printed"
            await PlainTextResponse(refused, 403)(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

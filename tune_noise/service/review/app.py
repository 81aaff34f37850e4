"""The page's requests, as a web application: each needs the token, and comes from this machine."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_noise.errors import TuneNoiseError, UserError
from tune_noise.service.review.work import Review, check_person, check_word

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
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
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    requests = _Requests(review, words)
    brought = (requests.take, requests.answers, requests.release)
    api = [
        Route("/state", requests.state),
        Route("/example/{place:int}", requests.example),
        Route("/picture/{place:int}", requests.picture),
        *(Route(f"/{work.__name__}", _taking(work), methods=["POST"]) for work in brought),
    ]
    page = StaticFiles(directory=PAGE_FOLDER, html=True)
    return Starlette(
        routes=[Mount(f"/{token}", routes=[Mount("/api", routes=api), Mount("/", page)])],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
            Middleware(_Guard, token=token),
        ],
        exception_handlers={TuneNoiseError: _refusal},
    )


class _Requests:
    """What the page asks for, and what it brings."""

    def __init__(self, review: Review, words: Words) -> None:
        self._review, self._words = review, words

    def state(self, request: "Request") -> "Response":
        """Answer what the page needs at its start."""
        from starlette.responses import JSONResponse

        words = self._words
        person = check_person(request.query_params.get("person") or words.person)
        return JSONResponse(
            {
                "title": words.title,
                "question": words.question,
                "list": words.list_id,
                "finish": words.finish,
                "person": person,
                "classes": list(self._review.class_names),
                "total": len(self._review.tasks),
                "mine": self._review.answers_of(person),
                **self._progress(),
            }
        )

    def example(self, request: "Request") -> "Response":
        """Answer what is shown of an example."""
        from starlette.responses import JSONResponse

        return JSONResponse(self._review.show(request.path_params["place"]))

    def picture(self, request: "Request") -> "Response":
        """Answer the picture of an example."""
        from starlette.responses import Response

        content = self._review.picture(request.path_params["place"])
        return Response(content, media_type="image/png")

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        """Hand out examples."""
        self._check_list(body)
        page, person = check_word(body.get("client"), "client"), check_person(body.get("person"))
        holding, count = body.get("holding"), body.get("count")
        if not isinstance(holding, list) or type(count) is not int:
            raise UserError("holding must be a list, and count a whole number")
        held = [place for place in holding if type(place) is int]
        places, left = self._review.take(page, person, held, count)
        return {"tasks": [self._review.show(place) for place in places], "left": left}

    def answers(self, body: dict[str, Any]) -> dict[str, Any]:
        """Record answers."""
        self._check_list(body)
        entries = body.get("entries")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise UserError("entries must be a list of objects")
        self._review.save(entries)
        return self._progress()

    def release(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take back what a page holds that is closed."""
        self._review.release(check_word(body.get("client"), "client"))
        return {}

    def _check_list(self, body: dict[str, Any]) -> None:
        if body.get("list") != self._words.list_id:
            raise UserError("this page shows other examples than the command now: load it again")

    def _progress(self) -> dict[str, Any]:
        return {"checked": self._review.num_checked, "interval": self._words.interval()}


def _refusal(_: "Request", error: Exception) -> "Response":
    from starlette.responses import PlainTextResponse

    is_ours = not isinstance(error, UserError)
    return PlainTextResponse(str(error), status_code=503 if is_ours else 400)


def _taking(work: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    """Return an endpoint that takes a JSON object, and works in a thread of its own."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import JSONResponse

    async def endpoint(request: "Request") -> "Response":
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

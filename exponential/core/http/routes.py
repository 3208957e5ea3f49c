"""HTTP of both services: routes that ask who it is before they read a body, and take no value that can't be kept."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.responses import Response
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartParser

from exponential.core import validation
from exponential.core.errors import BadInput
from exponential.core.http import bodies

_ANSWERS = "exponential.before_body"  # in the ASGI scope: what the marked dependencies have answered
MAX_FIELDS = 1_000  # of a form, as Starlette has it
T = TypeVar("T")

# Files in forms stay in memory for as long as the request takes: Starlette would write those above 1 MB to disk as they
# are. How much that can be is each route's `max_body_size`.
MultiPartParser.spool_max_size = 0


def before_body(ask: Callable[[Request], Awaitable[T]]) -> Callable[[Request], Awaitable[T]]:
    """Mark a dependency that says who asks: a `Route` calls it before it reads a byte of the body; once a request."""

    @functools.wraps(ask)
    async def once(request: Request) -> T:
        answers: dict[Any, T] = request.scope.setdefault(_ANSWERS, {})
        if ask not in answers:
            answers[ask] = await ask(request)
        return answers[ask]

    setattr(once, _ANSWERS, True)
    return once


class Route(APIRoute):
    """Asks the dependencies marked with `before_body`, then reads the body, and checks all that the request says.

    FastAPI by itself reads the whole body before it asks any dependency, and answers bodies above `max_body_size` with
    bare text.
    """

    def __init__(self, *args: Any, max_body_size: int | None = None, **options: Any) -> None:
        self._max_body = max_body_size or bodies.MAX_BODY_BYTES
        super().__init__(*args, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        first = [call for call in _calls(self.dependant) if hasattr(call, _ANSWERS)]
        body = self.body_field.field_info if self.body_field else None

        async def checked(request: Request) -> Response:
            validation.check([request.path_params, request.query_params.multi_items(), request.headers.items()])
            bodies.allow(request, self._max_body)
            for ask in first:
                await ask(request)
            try:
                if isinstance(body, Form):
                    await read_form(request)
                elif body is not None:
                    await _check_json(request)
                return await handle(request)  # the request keeps what was read of it
            finally:
                await request.close()

        return checked


class Router(APIRouter):
    """A router with such routes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=Route, **options)


def serve_routes(app: FastAPI, *routers: APIRouter) -> None:
    """Have the application serve the routes of these routers, which are built once in a process.

    `include_router` builds each anew, for every application and only at its first request.
    """
    for router in routers:
        app.router.routes.extend(router.routes)


async def read_form(request: Request, **limits: int) -> FormData:
    """The request's form, checked; `limits` are Starlette's. Raises BadInput.

    It is in UTF-8, as browsers write it: some encodings that Python knows (punycode, idna) take hours to decode.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise BadInput("The form is in another encoding than UTF-8. Send it in UTF-8.", code="form_invalid")
    if kind == b"application/x-www-form-urlencoded" and (await request.body()).count(b"&") >= MAX_FIELDS:
        # The parser takes them one by one, also those without a name.
        raise BadInput("The form has too many fields.", code="form_invalid")
    try:
        form = await request.form(**limits)
    except (ValueError, LookupError):
        raise BadInput(
            "The form can't be read: it is damaged, or in an unknown encoding.", code="form_invalid"
        ) from None
    for name, value in form.multi_items():
        validation.check(name, "The name of a field")
        told = (value.filename, value.content_type) if isinstance(value, UploadFile) else value
        validation.check(told, f"The field “{name}”")
    return form


async def _check_json(request: Request) -> None:
    body = await request.body()
    if not body or "json" not in request.headers.get("content-type", "").lower():
        return
    try:
        value = await request.json()
    except (ValueError, RecursionError):
        raise BadInput("The body is no JSON that can be read.", code="json_invalid") from None
    validation.check(value)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)

"""Requests with hostile values in every field of every route, made from an application's own OpenAPI description."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx
from fastapi import FastAPI

Schema = dict[str, Any]
LONG, HUGE = "9" * 5_000, str(2**63)
TEXTS = ["a\0b", "9" * 30, "-" + "9" * 30, "1e999", "NaN", "0001-01-01", "9999-12-31", "23:59"]
TOKENS = rf""" "\u0000" "a\u0000b" "\ud800" "x\udfffy" {{"\u0000":"\ud800"}} NaN Infinity 1e999 -1e999 null []
"0001-01-01" "9999-12-31T23:59Z" {HUGE} {LONG} -{LONG} """.split()  # of JSON, as they stand in a body
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
BODIES = [b"", b"\xff\xfe", b"[" * 100_000, b"NaN", b'"\\ud800"', b"{", LONG.encode(), b'{"a": ' * 50_000]
_MARK = "hostile mark"


@dataclass(frozen=True)
class Attempt:
    """One request; `what` says which field of which route has which value."""

    what: str
    method: str
    path: str
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def by(self, client: httpx.AsyncClient, **headers: str) -> httpx.Response:
        return await client.request(self.method, self.path, content=self.content, headers={**headers, **self.headers})


def attempts(app: FastAPI, known: Mapping[str, str], undeclared: Mapping[str, Schema]) -> Iterator[Attempt]:
    """For each route: one field at a time, then all texts at once, then bodies that are none.

    `known` are good values of fields by their names. `undeclared` are the bodies, as JSON Schemas, of the routes that
    read theirs by themselves ("post /path"): as JSON. A route that declares none is sent JSON all the same.
    """
    api = app.openapi()
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            kind, schema = _body(operation, undeclared.get(name))
            route = _Route(name, method, path, kind, _resolved(schema, api), operation.get("parameters", []), known)
            yield from route.attempts()


def _body(operation: Schema, undeclared: Schema | None) -> tuple[str, Schema]:
    content = operation.get("requestBody", {}).get("content", {})
    for kind, body in content.items():
        return kind, body["schema"]
    return JSON if undeclared else "", undeclared or {"type": "object", "properties": {}}


def _resolved(schema: Any, api: Schema) -> Any:
    """Without references."""
    if isinstance(schema, list):
        return [_resolved(each, api) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(api["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], api)
    return {key: _resolved(value, api) for key, value in schema.items()}


class _Route:
    def __init__(
        self,
        name: str,
        method: str,
        path: str,
        kind: str,
        body: Schema,
        parameters: list[Schema],
        known: Mapping[str, str],
    ) -> None:
        self.name, self.method, self.path, self.kind, self.body = name, method, path, kind, body
        self.known = known
        self.inner = {part: known.get(part, str(uuid4())) for part in re.findall(r"{(\w+)}", path)}
        given = {(each["in"], each["name"]): self._good(each["name"], each["schema"]) for each in parameters}
        self.query = {name: value for (place, name), value in given.items() if place == "query"}
        self.headers = {name: value for (place, name), value in given.items() if place == "header"}
        self.inner |= {name: value for (place, name), value in given.items() if place == "path"}
        self.fields = {key: self._good(key, value) for key, value in body.get("properties", {}).items()}

    def attempts(self) -> Iterator[Attempt]:
        for value in TEXTS:
            for part in self.inner:
                yield self._made(f"{part} in the path", value, inner={**self.inner, part: value})
            for part in self.query:
                yield self._made(f"{part} in the query", value, query={**self.query, part: value})
            for part in self.headers if "\0" not in value and value.isascii() else ():
                yield self._made(f"{part} in the headers", value, headers={part: value})
        yield self._made("undeclared in the query", TEXTS[0], query={**self.query, "undeclared": TEXTS[0]})
        if self.kind == JSON:
            yield from self._json()
        elif self.kind:
            yield from self._forms()
        if self.method != "get":
            for body in BODIES if self.kind == JSON else BODIES[:3]:
                yield self._made("a body of JSON", str(body[:20]), content=body, kind=JSON)
            for kind in (FORM, PARTS):
                yield self._made(f"a body of {kind}", "no form", content=b"\xff\xfe", kind=kind)

    def _json(self) -> Iterator[Attempt]:
        for token in TOKENS:
            paths = list(_places(self.fields))
            for place in paths:
                body = json.dumps(_with(self.fields, place, _MARK)).replace(json.dumps(_MARK), token)
                yield self._made(".".join(map(str, place)), token, content=body.encode())
            if len(paths) > 1:
                body = json.dumps({key: _MARK for key in self.fields}).replace(json.dumps(_MARK), token)
                yield self._made("all fields", token, content=body.encode())

    def _forms(self) -> Iterator[Attempt]:
        for value in TEXTS:
            for part in self.fields:
                body = urlencode({**self.fields, part: value}, doseq=True).encode()
                yield self._made(part, value, content=body, kind=FORM)
            body = urlencode(dict.fromkeys(self.fields, value)).encode()
            yield self._made("all fields", value, content=body, kind=FORM)
        lone, nul = b"+2AA-", b"a\0b"  # half of a character in UTF-7
        for name, text in (("half of a character", lone), ("NUL", nul)):
            for filename in (b"", b'; filename="' + text + b'.txt"'):
                for part in self.fields:
                    body = b"".join(
                        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
                        % (key.encode(), filename, text if key == part else str(value).encode())
                        for key, value in self.fields.items()
                    )
                    body += b"--b--\r\n"
                    yield self._made(f"{part} {filename!r}", name, content=body, kind=f"{PARTS}; charset=utf-7")
        yield self._made("its charset", "undefined", content=body, kind=f"{PARTS}; charset=undefined")

    def _made(
        self,
        where: str,
        value: str,
        *,
        inner: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        kind: str = "",
    ) -> Attempt:
        path = self.path
        for part, given in (inner or self.inner).items():
            path = path.replace(f"{{{part}}}", quote(str(given), safe=""))
        query = self.query if query is None else query
        if content is None and self.kind == JSON:
            content = json.dumps(self.fields).encode()
        elif content is None and self.kind:
            content, kind = urlencode(self.fields, doseq=True).encode(), FORM
        sent = {**self.headers, **(headers or {})}
        if content is not None:
            sent["Content-Type"] = kind or self.kind
        return Attempt(
            f"{self.name}: {value[:30]!r} as {where}",
            self.method.upper(),
            path + ("?" + urlencode(query, doseq=True) if query else ""),
            content,
            sent,
        )

    def _good(self, name: str, schema: Schema) -> Any:
        """A value that the route takes."""
        if name in self.known:
            return self.known[name]
        for choice in schema.get("anyOf", []):
            if choice.get("type") != "null":
                return self._good(name, choice)
        if "enum" in schema or "const" in schema:
            return schema.get("const") or schema["enum"][0]
        match schema.get("type"):
            case "object":
                return {key: self._good(key, value) for key, value in schema.get("properties", {}).items()}
            case "array":
                return [self._good(name, schema["items"])]
            case "boolean":
                return True
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
        if schema.get("format") == "date-time":
            return "2026-11-25T08:00:00Z"
        return str(uuid4()) if schema.get("format") == "uuid" else "x"


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from _places(inner, (*at, key))


def _with(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy: Any = value.copy()
    copy[place[0]] = _with(value[place[0]], place[1:], new)
    return copy

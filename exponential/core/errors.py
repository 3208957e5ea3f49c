"""The error tree. Each error has a stable code, an HTTP status and a sentence that a person can act on.

ExponentialError
├── ConfigurationError   the service can't start as configured        (exit code 2)
├── BadInput       422   the request can't be understood
│   └── TooLarge   413   it is longer than what is taken there
├── Unauthorized   401   no proof, or no valid proof, of who is asking
├── Forbidden      403   whoever asks is known, and may not do this
├── NotFound       404   it isn't there, or it isn't yours
├── Conflict       409   it can't be done in the present state
└── TryLater             it may work in a while
    ├── TooMany      429   too often
    └── Unavailable  503   something needed is not there right now
"""

from collections.abc import Mapping


class ExponentialError(Exception):
    """Base of everything this product raises on purpose; `str(error)` is the sentence shown to people."""

    code = "internal_error"
    status = 500
    headers: Mapping[str, str] = {}  # of an answer that tells it

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code

    def as_json(self) -> dict[str, str]:
        return {"error": str(self), "code": self.code}


class ConfigurationError(ExponentialError):
    code = "configuration"


class BadInput(ExponentialError):
    code = "bad_input"
    status = 422


class TooLarge(BadInput):
    status = 413


class Unauthorized(ExponentialError):
    code = "unauthorized"
    status = 401


class Forbidden(ExponentialError):
    code = "forbidden"
    status = 403


class NotFound(ExponentialError):
    code = "not_found"
    status = 404


class Conflict(ExponentialError):
    code = "conflict"
    status = 409


class TryLater(ExponentialError):
    """`retry_after` is in seconds and becomes the Retry-After header."""

    retry_after: int

    def __init__(self, sentence: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(sentence, code=code)
        self.retry_after = self.retry_after if retry_after is None else retry_after
        self.headers = {"Retry-After": str(self.retry_after)}


class TooMany(TryLater):
    code = "too_many"
    status = 429
    retry_after = 60


class Unavailable(TryLater):
    code = "unavailable"
    status = 503
    retry_after = 2

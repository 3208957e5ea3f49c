"""Scenario files: TOML that says what phones send, what breaks, and what must come of it, step by step.

docs/loopback.md teaches the format, `scenarios/` beside this module has examples. Linking is not in it: whoever runs a
scenario scans, and its first step waits for that. A file is checked as a whole before its first step.
"""

import inspect
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from exponential.core.errors import ConfigurationError, ExponentialError
from exponential.loopback.phones.chats import Status
from exponential.loopback.server.faults import FaultName, Faults

SHIPPED = Path(__file__).parent
Seconds = Annotated[float, Field(ge=0, le=3600)]
Count = Annotated[int, Field(ge=0, le=100_000)]
Name = Annotated[str, Field(min_length=1)]


class ScenarioError(ExponentialError):
    """A step did not come true; the sentence names the file, the step and what was missing."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PhoneEntry(_Strict):
    """A phone of the scenario. One that is there already with this number is used as it is."""

    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
    name: str = ""


class Send(_Strict):
    """`sender` writes to a phone or "me", `times` over; `{n}` in the text counts from 1."""

    sender: Name = Field(alias="from")
    to: Name
    text: Name
    times: Annotated[int, Field(ge=1, le=100_000)] = 1


class Wait(_Strict):
    """Until a line with `text`, typed elsewhere, is in `phone`'s chat with another phone or "me"."""

    phone: Name
    chat: Name = "me"
    text: Name
    within: Seconds = 15.0


class Until(_Strict):
    """Until all of the phone's linked devices (at least one) are connected, or none is."""

    phone: Name
    connected: bool
    within: Seconds = 15.0


class Expect(_Strict):
    """`phone`'s chat has so many lines with `text`, with that status where one is given; at once, or within a time."""

    phone: Name
    chat: Name = "me"
    text: Name
    status: Status | None = None
    lines: Count = 1
    within: Seconds = 0.0


class Fault(_Strict):
    """One of `loopback.server.faults.Faults`. With a `phone` its linked `device` is broken, else everything."""

    name: FaultName
    phone: str = ""
    device: Annotated[int, Field(ge=1)] = 1
    arguments: dict[str, Any] = Field({}, alias="with")

    @model_validator(mode="after")
    def check(self) -> "Fault":
        """The arguments are those of the method, and of its types."""
        method = getattr(Faults, self.name)
        try:
            bound = inspect.signature(method).bind(None, **self.arguments, **({"device": None} if self.phone else {}))
        except TypeError as error:
            raise ValueError(f"the fault {self.name}: {error}") from None
        hints = get_type_hints(method)
        for name, value in (bound.arguments | bound.kwargs).items():
            if name in self.arguments:
                self._check_type(name, hints.get(name, str), value)
        return self

    def _check_type(self, name: str, kind: Any, value: Any) -> None:
        try:
            TypeAdapter(kind).validate_python(value, strict=True)
        except ValidationError:
            raise ValueError(f"the fault {self.name}: {name} can't be {value!r}") from None


class Step(_Strict):
    """One action, at once, `at` seconds after the scenario began, or `after` some seconds' pause."""

    at: Seconds | None = None
    after: Seconds = 0.0
    send: Send | None = None
    wait: Wait | None = None
    until: Until | None = None
    expect: Expect | None = None
    fault: Fault | None = None
    restart: Seconds | None = None
    offline: Name | None = None
    online: Name | None = None
    unlink: Name | None = None

    @property
    def action(self) -> tuple[str, Any]:
        return next((name, value) for name in ACTIONS if (value := getattr(self, name)) is not None)

    def phones(self) -> set[str]:
        """The phones that it names."""
        value = self.action[1]
        if isinstance(value, str):
            return {value}
        named = {getattr(value, name, "") for name in ("sender", "to", "phone", "chat")}
        return named - {"", "me"}

    @model_validator(mode="after")
    def check(self) -> "Step":
        done = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(done) != 1:
            raise ValueError(
                f"a step does one of {', '.join(ACTIONS)}, this one {' and '.join(done) or 'none of them'}"
            )
        return self


ACTIONS = tuple(name for name in Step.model_fields if name not in ("at", "after"))


class Scenario(_Strict):
    """What a file says."""

    title: str = ""
    phones: dict[str, PhoneEntry]
    steps: Annotated[list[Step], Field(min_length=1)]


def shipped() -> list[str]:
    """The names of the scenarios that come with this package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find(name: str) -> Path:
    """A scenario's file: a path, or the name of one that is shipped."""
    return SHIPPED / f"{name}.toml" if name in shipped() else Path(name)


def load(path: Path) -> Scenario:
    """Read and check a file as a whole. Raises ConfigurationError that names file, step and what is wrong."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise ConfigurationError(f"The scenario {path} can't be read: {reason}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} isn't TOML: {error}.") from None
    try:
        scenario = Scenario.model_validate(found)
    except ValidationError as error:
        raise ConfigurationError("\n".join(f"{path.name}{_explain(item)}." for item in error.errors())) from None
    for number, step in enumerate(scenario.steps, 1):
        unknown = sorted(step.phones() - scenario.phones.keys())
        if unknown:
            known = ", ".join(scenario.phones)
            raise ConfigurationError(f"{path.name}, step {number}: there is no phone {unknown[0]!r}, only {known}.")
    return scenario


def _explain(item: Any) -> str:
    """One of pydantic's errors, as people say it."""
    place = [str(part) for part in item["loc"]]
    step = ""
    if place[:1] == ["steps"] and len(place) > 1:
        step, place = f", step {int(place[1]) + 1}", place[2:]
    what = ".".join(place)
    if item["type"] == "missing":
        return f"{step}: {what} is missing"
    if item["type"] == "extra_forbidden":
        return f"{step}: nothing is called {what} here"
    message = item["msg"].removeprefix("Value error, ")
    return f"{step}: {what}: {message}" if what and item["type"] != "value_error" else f"{step}: {message}"

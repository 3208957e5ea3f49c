"""What happens in a chaos run, by seed alone: which message goes where, and after which of them what is broken."""

import random
from dataclasses import dataclass
from typing import Literal

Target = Literal["worker", "gateway", "app"]
Kind = Literal["worker", "gateway", "app", "drop", "stall"]
TARGETS: tuple[Target, ...] = ("worker", "gateway", "app")
STICKY = 0.4  # how often a message goes to the same chat as the one before it: bursts


@dataclass(frozen=True)
class Message:
    """`number` counts all messages of the run; `pause` is in seconds, before it is sent."""

    number: int
    chat: int
    pause: float

    @property
    def label(self) -> str:
        return f"item {self.chat:02}-{self.number:06}"

    @property
    def text(self) -> str:
        return f"add a task: {self.label}"


@dataclass(frozen=True)
class Blow:
    """What is broken, `delay` seconds after message `after` was sent. `where` picks the worker or the session."""

    kind: Kind
    after: int
    delay: float
    where: int
    seconds: float  # that a stall lasts

    def __str__(self) -> str:
        return f"{self.kind}@{self.after}+{self.delay:.3f}"


@dataclass(frozen=True)
class Plan:
    """`blows` are in the order in which they fall."""

    messages: tuple[Message, ...]
    blows: tuple[Blow, ...]


def make(seed: int, *, messages: int, kills: int, chats: int, rate: float) -> Plan:
    """`messages` at `rate` a second; meanwhile `kills` of all kinds of process, and half as many network faults."""
    dice = random.Random(seed)
    said = []
    chat = 0
    for number in range(messages):
        if number == 0 or dice.random() > STICKY:
            chat = dice.randrange(chats)
        said.append(Message(number, chat, dice.uniform(0, 2 / rate)))
    kinds: list[Kind] = [TARGETS[index % len(TARGETS)] for index in range(kills)]
    kinds += [("drop", "stall")[index % 2] for index in range(kills // 2)]
    dice.shuffle(kinds)
    afters = sorted(dice.randrange(messages // 20, messages) for _ in kinds)
    blows = [
        Blow(kind, after, dice.uniform(0, 0.5), dice.randrange(1_000_000), dice.uniform(0.5, 3))
        for kind, after in zip(kinds, afters, strict=True)
    ]
    return Plan(tuple(said), tuple(blows))

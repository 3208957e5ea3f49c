"""The project that a request is about, said in front of it: "The Garden project again: add … there"."""

import re
from collections.abc import Callable
from dataclasses import replace

from exponential.assistant.offline import pointing
from exponential.assistant.offline.steps import Call, Heard, Step
from exponential.assistant.offline.words import VERBS
from exponential.workspace.text import dates

Understand = Callable[[Heard], list[Step] | None]

_NAME = r"[\w&][\w&'’-]*(?:\s+[\w&'’-]+){0,3}?"
_LED = re.compile(
    r"(?:(?P<for>for|in|under|to)\s+|(?:about|on|re:?|regarding|as\s+for|concerning|with)\s+)?(?:the\s+|my\s+|our\s+)?"
    rf"(?:(?P<name>{_NAME})\s+project|project\s+(?P<name2>{_NAME})|(?<=\s)(?P<name3>(?-i:[A-Z])[\w&-]*(?:\s+(?-i:[A-Z0-9])[\w&-]*)*)(?<!project)(?=\s*:))"
    r"(?:\s+(?:again|too|as\s+well|once\s+more|next))?(?:\s*(?::|[,–-]\s)\s*|\s+(?=(?:please\s+|pls\s+)?(?:add|create|put|note)\b))(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_NEEDS_TASK = re.compile(
    r"(?:(?i:the|my|our)\s+)?(?:(?i:project)\s+)?(?P<name>[A-Z][\w&-]*(?:\s+[A-Z0-9][\w&-]*)*)(?:\s+(?i:project))?\s+(?i:needs|gets|should\s+(?:get|have))\s+"
    r"(?i:an?\s+(?:new\s+)?|another\s+|one\s+more\s+)(?i:tasks?|to-?dos?|items?)\s*(?:[:–-]|(?i:called|named|to|that\s+says))?\s*(?P<rest>.+)",
    re.DOTALL,
)
_OF_PROJECT = ("update_project", "project_status")


def read(heard: Heard, understand: Understand) -> list[Step] | None:
    """The steps for the request, with its project; None when it isn't led in so."""
    needs = _NEEDS_TASK.fullmatch(heard.text.strip())
    if needs is not None:
        return _belonging(understand(replace(heard, text=f"add task: {needs['rest']}")), needs["name"])
    match = _LED.fullmatch(heard.text.strip())
    if match is None or (match["name3"] and (match["for"] or "").lower() not in ("in", "under")):
        return None
    name = (match["name"] or match["name2"] or match["name3"]).strip(pointing.EDGES)
    if re.match(r"(?:add|create|new|start|put|move|list|show|what|which|how|is|are|i|we)\b", name, re.IGNORECASE):
        return None
    if " " in name and name.split()[0].lower() in VERBS:
        return None  # "close the Alpha project, …" is a request as it stands
    about = replace(heard, text=match["rest"], last={"id": name, "name": name}, last_kind="project", listed=())
    steps = _belonging(understand(about), name)
    if steps is None and match["for"] and _is_deed(match["rest"], heard):
        steps = _belonging(understand(replace(about, text=f"add task: {match['rest']}")), name)
    return steps


def _is_deed(words: str, heard: Heard) -> bool:
    first = re.match(r"[a-z]+", words, re.IGNORECASE)
    return first is not None and (first[0].lower() in VERBS or dates.extract(words, heard.now)[1] is not None)


def _belonging(steps: list[Step] | None, name: str) -> list[Step] | None:
    found: list[Step] = []
    for step in steps or ():
        if not isinstance(step, Call):
            return None
        if step.tool in ("create_task", "list_tasks"):
            found.append(Call(step.tool, step.args | {"project": step.args.get("project") or name}))
        elif step.tool in _OF_PROJECT and step.args["project"] == name:
            found.append(step)
        else:
            return None
    return found or None

"""What the offline model says of projects, meetings, reminders, memory and counts, from the tools' results alone."""

from datetime import datetime
from typing import Any

from exponential.assistant.offline.marking import plain, task, when
from exponential.assistant.offline.steps import Call

Result = dict[str, Any]
_STATUS = {"active": "active", "on_hold": "on hold", "done": "done"}
_REPEAT = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "weekdays": "weekday"}
MAX_NAMED = 10  # records named in an answer to a question
MAX_TEXT = 300  # characters of a note that is named among others


def project_created(_call: Call, result: Result, now: datetime) -> str:
    review = result["project"]["review_on"]
    return f"Started project **{plain(result['project']['name'])}**{f', review {when(review, now)}' if review else ''}."


def projects_listed(call: Call, result: Result, now: datetime) -> str:
    status = call.args.get("status", "active")
    kind = "" if status == "all" else f"{_STATUS[status]} "
    if not result["projects"]:
        return f"You have no {kind}projects."
    lines = [_project(project, now) for project in result["projects"]]
    return f"You have {_count(result['count'], f'{kind}project')}:\n\n" + _numbered(lines)


def _project(project: Result, now: datetime) -> str:
    review = f", review {when(project['review_on'], now)}" if project["review_on"] else ""
    return f"**{plain(project['name'])}** ({_STATUS[project['status']]}{review})"


def project_stands(_call: Call, result: Result, now: datetime) -> str:
    stands = result["status"]
    total = stands["open"] + stands["done"]
    project = stands["project"]
    lines = [f"**{plain(project['name'])}** ({_STATUS[project['status']]}): "]
    lines[0] += (
        (f"{stands['done']} of {_count(total, 'task')} done ({stands['percent']}%).") if total else "no tasks yet."
    )
    if stands["next"]:
        lines.append(f"Next: {task(stands['next'], now)}")
    if stands["overdue"]:
        lines.append("Overdue: " + "; ".join(task(late, now) for late in stands["overdue"][:5]))
    if stands["at_risk"]:
        lines.append("⚠️ At risk: " + " ".join(plain(risk) for risk in stands["risks"]))
    if project["note"]:
        lines.append(f"Last update: {plain(project['note'])}")
    return "\n".join([lines[0], *(f"- {line}" for line in lines[1:])]).replace("\n", "\n\n", 1)


def project_changed(_call: Call, result: Result, now: datetime) -> str:
    note = f" Noted: {plain(result['project']['note'])}" if _call.args.get("note") else ""
    return f"Updated {_project(result['project'], now)}.{note}"


def minutes(call: Call, result: Result, now: datetime) -> str:
    meeting = result["meeting"]
    kept = "Kept the transcript. " if call.tool == "import_meeting" else ""
    parts = [f"{kept}**{plain(meeting['title'])}**, {when(meeting['held_on'], now)}"]
    if result["summary"]:
        parts.append("\n".join(f"- {plain(sentence)}" for sentence in result["summary"]))
    if result["decisions"]:
        parts.append("Decided:\n\n" + "\n".join(f"- {plain(item['text'])}" for item in result["decisions"]))
    if result["action_items"]:
        items = [_item(item, now) for item in result["action_items"]]
        parts.append("Action items:\n\n" + _numbered(items) + "\n\nSay *make the first one a task*, or *all*.")
    return "\n\n".join(parts)


def _item(item: Result, now: datetime) -> str:
    owner = f"{plain(item['owner'])}: " if item["owner"] else ""
    due = f", due {when(item['due'], now)}" if item["due"] else ""
    return f"{owner}{plain(item['text'])}{due}{' ✅' if item['task'] else ''}"


def meetings_listed(_call: Call, result: Result, now: datetime) -> str:
    if not result["meetings"]:
        return "I know of no meetings there. Paste a transcript and I keep it."
    lines = [f"**{plain(one['title'])}**, {when(one['held_on'], now)}" for one in result["meetings"]]
    return f"{_count(result['count'], 'meeting')}:\n\n" + _numbered(lines)


def items_listed(_call: Call, result: Result, now: datetime) -> str:
    if not result["action_items"]:
        return "I found no action items there."
    lines = [f"{_item(item, now)} ({plain(item['meeting'])}, line {item['line']})" for item in result["action_items"]]
    return f"{_count(result['count'], 'action item')}:\n\n" + _numbered(lines)


def found(call: Call, result: Result, now: datetime) -> str:
    if not result["hits"]:
        return f"I found nothing about “{plain(call.args['query'])}” in your meetings."
    said = []
    for hit in result["hits"][:5]:
        meeting = f"{plain(hit['meeting']['title'])}, {when(hit['meeting']['held_on'], now)}, line {hit['line']}"
        speaker = f"{plain(hit['speaker'])}: " if hit["speaker"] else ""
        said.append(f"- {'**Decided:** ' if hit['decided'] else ''}{speaker}“{plain(hit['text'])}” ({meeting})")
    return "This was said:\n\n" + "\n".join(said)


def answered(call: Call, result: Result, now: datetime) -> str:
    count, about = result["count"], result["about"].replace("_", " ").removesuffix("s")
    status = call.args.get("status")
    kind = "" if status in (None, "all", "active") else f"{str(status).replace('_', ' ')} "
    head = _count(count, f"{kind}{about}")
    if call.args.get("without"):
        head += f" without a {call.args['without'].replace('_', ' ').replace('due', 'due date')}"
    if result.get("compared"):
        other = result["compared"]["count"]
        word = "more than" if count > other else "fewer than" if count < other else "as many as"
        head += f" — {word} the {other} of the other time" if count != other else " — as many as the other time"
    longest = MAX_TEXT if count > 1 else None
    lines = [f"- {_record(record, now, longest)}" for record in result["records"][:MAX_NAMED]]
    if result.get("groups"):
        lines = [f"- {plain(name)}: {number}" for name, number in result["groups"].items()]
    if count > MAX_NAMED and not result.get("groups"):
        lines.append(f"- … and {count - MAX_NAMED} more")
    return head + (":\n\n" + "\n".join(lines) if lines else ".")


def _record(record: Result, now: datetime, longest: int | None) -> str:
    name = record.get("title") or record.get("name") or _beginning(record["text"], longest)
    at = next((record[key] for key in ("done_on", "due", "held_on", "at", "left_at") if record.get(key)), None)
    sender = f"{plain(record['from'])}: " if record.get("from") else ""
    return f"{sender}**{plain(name)}**{f' ({when(at, now)})' if at else ''}"


def _beginning(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[:longest].rstrip()}…"


def note_kept(_call: Call, result: Result, _now: datetime) -> str:
    return f"Kept as a note: “{plain(_beginning(result['note']['text'], 80))}”. Say *show my notes* to see it again."


def reminded(_call: Call, result: Result, now: datetime) -> str:
    return f"I'll remind you: {_reminder(result['reminder'], now)}."


def _reminder(reminder: Result, now: datetime) -> str:
    repeat, every = reminder["repeat"], reminder["every"]
    often = f", every {f'{every} {_REPEAT[repeat]}s' if every > 1 else _REPEAT[repeat]}" if repeat else ""
    return f"**{plain(reminder['text'])}**, {when(reminder['at'], now)}{often}"


def reminders_listed(_call: Call, result: Result, now: datetime) -> str:
    if not result["reminders"]:
        return "No reminders are set."
    lines = [_reminder(reminder, now) for reminder in result["reminders"]]
    return f"{_count(result['count'], 'reminder')}:\n\n" + _numbered(lines)


def reminder_cancelled(_call: Call, result: Result, _now: datetime) -> str:
    return f"Cancelled the reminder **{plain(result['reminder']['text'])}**. *Undo* brings it back."


def remembered(_call: Call, result: Result, _now: datetime) -> str:
    return f"I'll remember: {plain(result['fact']['text'])}"


def recalled(_call: Call, result: Result, _now: datetime) -> str:
    if not result["facts"]:
        return "I remember nothing about that. Say *remember that …* to tell me."
    return "I remember:\n\n" + "\n".join(f"- {plain(fact['text'])}" for fact in result["facts"])


def forgotten(_call: Call, result: Result, _now: datetime) -> str:
    return f"Forgotten: {plain(result['fact']['text'])}. *Undo* brings it back."


def undone(_call: Call, result: Result, _now: datetime) -> str:
    return f"Undone: {result['undone'].replace('_', ' ')}."


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _numbered(lines: list[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))

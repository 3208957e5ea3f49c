"""The table: what the offline model understands, one row per way of saying it, by subject."""

from exponential.assistant.offline.table import meetings, projects, questions, reminders, small_talk, tasks
from exponential.assistant.offline.table.row import Row as Row

ROWS = (*tasks.ROWS, *projects.ROWS, *meetings.ROWS, *reminders.ROWS, *questions.ROWS, *small_talk.ROWS)

"""The offline model: Paddy without a language model. Rules for everyday English requests, and honesty about the rest.

intents.py reads a message, dates.py the dates in it, phrasing.py writes the answer, model.py makes a pydantic-ai Model
of them.
"""

from exponential.assistant.offline.model import OfflineModel as OfflineModel

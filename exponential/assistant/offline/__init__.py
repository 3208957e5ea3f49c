"""The offline model: Paddy without a language model. A table of everyday English requests, and honesty about the rest.

A message (turn.py) is normalised (normalization.py), divided into requests and matched with the rows of the table
(interpreter.py, table/); slots.py reads what stands at their slots. What no row takes is proposed (proposals.py), or
said not to be understood. model.py makes a pydantic-ai Model of it.
"""

from exponential.assistant.offline.model import OfflineModel as OfflineModel

"""The terminal: `exponential ask` prints the reply as it is written, and waits for it before the next request."""

from exponential.assistant.channels.base import Channel


class Terminal(Channel):
    name = "terminal"
    label = "Terminal"
    icon = "terminal"
    one_at_a_time = True

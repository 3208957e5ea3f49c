"""How what is asked of a WhatsApp client fails."""


class NotSent(Exception):
    """The client isn't connected: nothing left this machine."""


class OutcomeUnknown(Exception):
    """The message may or may not have reached WhatsApp."""


class RequestRefused(Exception):
    """WhatsApp or the client refused; `str(error)` names the kind of problem, never the contact or the text."""

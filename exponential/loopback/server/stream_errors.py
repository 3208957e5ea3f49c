"""Stream errors: the stanzas that end a connection, as whatsmeow's connectionevents.go reads them."""

from exponential.protocol.binary import Node

REPLACED = (409, 440)  # the names other clients give the conflict; on the wire it has no code


def stream_error(code: int) -> Node:
    """401 the device was removed, 409 or 440 another client took its place, 503 and 515 connect again.

    Others (403, 405, 500, 516 …) are reported to the program by their number.
    """
    if code == 401:
        return Node("stream:error", {"code": "401"}, [Node("conflict", {"type": "device_removed"})])
    if code in REPLACED:
        return Node("stream:error", {}, [Node("conflict", {"type": "replaced"})])
    return Node("stream:error", {"code": str(code)})

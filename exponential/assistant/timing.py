"""How long Paddy waits for what. Each part is passed these times; tests pass shorter ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """All in seconds.

    `quiet`: messages of a chat that follow each other this fast are answered together; `max_quiet`: that the first one
    waits for them.
    `stalled`: without a sign of life after which another process takes a worker's jobs over; `sweep`: between two looks
    for such jobs.
    `stop`: that running turns get to end by themselves.
    `max_retry`: between two tries of a job; the first pauses are shorter.
    `typing`: after which "typing…" is renewed; typing that isn't renewed for 20 ends.
    `model_pause`: before a language model's first other try; doubled each time, unless the provider says how long.
    `model_down`: for which a model that isn't there is not asked again.
    `transcription_pause`: before a voice note's second try, doubled each time; `transcription`: for all tries together.
    `local_transcription`: for one voice note on this machine, with the model's fetching where it isn't there yet.
    `mcp_first_wait`: that the first turns wait for an outside server which is just being connected to; `mcp_connect`,
    `mcp_list`, `mcp_call`: that it gets for each; `mcp_pause`, `mcp_max_pause`: between two tries to connect, doubled
    each time.
    """

    quiet: float = 0.25
    max_quiet: float = 2.0
    stalled: float = 6.0
    sweep: float = 2.0
    stop: float = 2.0
    max_retry: int = 30
    typing: float = 8.0
    model_pause: float = 0.5
    model_down: float = 20.0
    transcription_pause: float = 1.0
    transcription: float = 90.0
    local_transcription: float = 300.0
    mcp_first_wait: float = 5.0
    mcp_connect: float = 15.0
    mcp_list: float = 5.0
    mcp_call: float = 60.0
    mcp_pause: float = 1.0
    mcp_max_pause: float = 60.0

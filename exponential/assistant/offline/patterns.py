"""How the rules' patterns are compiled."""

import re


def whole(pattern: str) -> re.Pattern[str]:
    """For a whole message: in any case, over several lines."""
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)

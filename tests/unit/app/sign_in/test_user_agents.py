"""What a browser is called, by what it says of itself."""

import pytest

from exponential.app.sign_in import user_agents


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/18.0 Safari/605", "Safari on Mac"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_browsers_in_a_few_words(agent: str, says: str) -> None:
    assert user_agents.describe(agent) == says

"""What comes back from a browser that was asked for a passkey, and what it is given to ask with."""

import io
import json
import zipfile

import pytest

from exponential.app.whatsapp import passkeys
from exponential.core.errors import BadInput


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("", "not all of it"),
        ("{", "not all of it"),
        ("[" * 100_000, "not all of it"),
        ('{"error": "NotAllowedError"}', "Use a phone or tablet"),
        ('{"error": "TimeoutError"}', "waited too long"),
        ('{"error": "Cancelled"}', "You cancelled"),
        ('{"error": "SecurityError"}', "only on web.whatsapp.com"),
        ('{"error": "TypeError"}', "too old"),
        ('{"error": "Something new"}', "Something new"),
        ('{"error": {"a": 1}}', "could not confirm"),
    ],
)
def test_what_is_no_answer_is_told_with_what_helps(text: str, helps: str) -> None:
    with pytest.raises(BadInput, match=helps):
        passkeys.parse(text)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_what_json_has_no_number_for_goes_nowhere(number: str) -> None:
    json.dumps(passkeys.parse(number), allow_nan=False)
    json.dumps(passkeys.parse(f'{{"id": [{number}]}}'), allow_nan=False)


def test_an_answer_is_passed_on() -> None:
    assert passkeys.parse(' {"id": "x"}\n') == {"id": "x"}


def test_the_extension_may_do_no_more_than_it_needs() -> None:
    packed = passkeys.extension()
    assert packed == passkeys.extension()
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("exponential-passkey/manifest.json"))
    assert names == ["exponential-passkey/background.js", "exponential-passkey/manifest.json"]
    assert manifest["permissions"] == ["activeTab", "scripting"]
    assert manifest["host_permissions"] == ["https://web.whatsapp.com/*"]
    assert not {"content_scripts", "externally_connectable", "web_accessible_resources"} & manifest.keys()


def test_the_line_for_the_console_is_one_line_whatever_is_asked() -> None:
    assert "\n" not in passkeys.snippet({"challenge": "a\n</script>'\""})

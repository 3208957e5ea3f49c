"""What a browser hands in for a passkey: what is taken, and what is told to the person instead."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exponential.core.errors import BadInput
from exponential.gateway.linking.passkeys import checked
from exponential.loopback.server.linking.webauthn import Passkey

KEY = Passkey.make()
OPTIONS = KEY.options(b"challenge")
CHALLENGE = OPTIONS["challenge"]


def why(credential: Any, options: dict[str, Any] = OPTIONS) -> str:
    with pytest.raises(BadInput) as refused:
        checked(credential, options)
    return refused.value.code


def test_the_answer_is_passed_on_as_whatsapp_takes_it_and_nothing_else() -> None:
    answer = KEY.sign(CHALLENGE)
    more = {**answer, "authenticatorAttachment": "platform", "clientExtensionResults": {"x": 1}}
    assert checked(more, OPTIONS) == answer
    assert list(checked(more, OPTIONS)) == ["id", "rawId", "type", "response"]
    padded = {**answer, "id": answer["id"] + "==", "rawId": answer["rawId"] + "=="}
    assert checked(padded, OPTIONS) == answer
    del answer["response"]["userHandle"]
    assert checked(answer, OPTIONS)["response"]["userHandle"] is None


def test_what_the_person_can_mend_is_told() -> None:
    assert why(KEY.sign("AAAA")) == "passkey_stale"
    assert why(KEY.sign(CHALLENGE, origin="https://whatsapp.com")) == "passkey_wrong_site"
    checked(Passkey.make().sign(CHALLENGE), OPTIONS)  # no list: WhatsApp will tell
    only = {**OPTIONS, "allowCredentials": [{"id": KEY.sign(CHALLENGE)["id"], "type": "public-key"}]}
    checked(KEY.sign(CHALLENGE), only)
    assert why(Passkey.make().sign(CHALLENGE), only) == "passkey_of_another"
    registration = urlsafe_b64encode(
        json.dumps({"type": "webauthn.create", "challenge": CHALLENGE, "origin": ""}).encode()
    )
    answer = KEY.sign(CHALLENGE)
    assert (
        why({**answer, "response": {**answer["response"], "clientDataJSON": registration.decode()}})
        == "passkey_invalid"
    )


@pytest.mark.parametrize("name", ["id", "rawId", "type", "response"])
@pytest.mark.parametrize("value", [None, "", 7, "ä", "a+b/", "A" * 20_000, [], {}])
def test_half_an_answer_is_none(name: str, value: Any) -> None:
    assert why({**KEY.sign(CHALLENGE), name: value}) == "passkey_invalid"


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.text() | st.sampled_from(["id", "type", "response", "clientDataJSON"]), inner)
        ),
    )
)
def test_whatever_is_handed_in_is_answered_in_words(credential: Any) -> None:
    assert why(credential) == "passkey_invalid"

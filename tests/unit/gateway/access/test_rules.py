"""Who is heard, as whom, and what is kept: every mode, under number and LID, alone and in groups."""

import json
from dataclasses import replace
from typing import Any

import pytest

from exponential.gateway.access import rules
from exponential.gateway.access.policy import OwnNumber, Policy, Proof
from exponential.gateway.worker.protocol import Account, Inbound

ADA = Account("4915112345678@s.whatsapp.net", "77001122@lid")
BOB, BOBS_LID = "4915187654321@s.whatsapp.net", "88001122@lid"
CHOSEN = Policy(mode="people", people=("+4915187654321",))
PROVED = Policy(own_numbers=(OwnNumber("1", BOB, BOBS_LID, "2026-01-01T00:00:00+00:00"),))
GROUP = "120363000000000000@g.us"


def message(chat: str, text: str = "hello", *, from_me: bool = False, sender: str = "", **more: Any) -> Inbound:
    author = sender or (ADA.jid if from_me else chat)
    return Inbound("ID", chat, author, "Somebody", from_me, "text", text, 0, **more)


def from_ada(chat: str, text: str = "hello") -> Inbound:
    return message(chat, text, from_me=True)


@pytest.mark.parametrize("chat", [ADA.jid, ADA.lid, "4915112345678:3@s.whatsapp.net"])
def test_the_own_chat_is_the_owners_by_number_or_lid(chat: str) -> None:
    assert rules.role(Policy(), ADA, from_ada(chat)) == "owner"


@pytest.mark.parametrize(
    "chat",
    [
        BOB,  # Ada writes to a friend
        "4915112345678@lid",  # someone whose LID happens to have the digits of Ada's number
        "77001122@s.whatsapp.net",
        GROUP,
        "status@broadcast",
        "",
    ],
)
@pytest.mark.parametrize("policy", [Policy(), Policy(mode="everyone", groups="mentions"), CHOSEN, PROVED])
def test_what_the_human_writes_elsewhere_is_not_for_the_assistant(policy: Policy, chat: str) -> None:
    assert rules.role(policy, ADA, from_ada(chat)) is None


@pytest.mark.parametrize("chat", [BOB, BOBS_LID, GROUP, "status@broadcast", "1@newsletter", "867051314767696@bot", ""])
def test_only_me_hears_nobody_else(chat: str) -> None:
    stranger = message(chat, sender=BOBS_LID, alt=BOB, addressed=[ADA.lid])
    assert rules.to_keep(Policy(), ADA, stranger) is None


def test_an_account_without_lid_does_not_match_an_empty_one() -> None:
    assert rules.role(Policy(), Account(ADA.jid), from_ada("@lid")) is None


@pytest.mark.parametrize(
    "heard",
    [
        message(BOB),
        message(BOBS_LID, alt=BOB),
        message(BOB, alt=BOBS_LID),
        message("88001122:4@lid", alt="4915187654321:4@s.whatsapp.net"),
    ],
)
def test_a_chosen_person_is_a_guest_by_number_and_by_lid(heard: Inbound) -> None:
    assert rules.role(CHOSEN, ADA, heard) == "guest"


@pytest.mark.parametrize("heard", [message(BOB), message(BOBS_LID), message(BOBS_LID, alt=BOB)])
def test_a_proved_number_is_the_owner_even_where_only_one_address_is_known(heard: Inbound) -> None:
    assert rules.role(PROVED, ADA, heard) == "owner"


def test_people_means_these_people() -> None:
    assert rules.role(CHOSEN, ADA, message("4915187654321@lid")) is None  # those digits as a LID are someone else
    assert rules.role(CHOSEN, ADA, message("491518765432@s.whatsapp.net")) is None
    assert rules.role(CHOSEN, ADA, message("99@lid")) is None
    assert rules.role(Policy(mode="people"), ADA, message(BOB)) is None


def test_everyone_means_people_not_channels_and_lists() -> None:
    everyone = Policy(mode="everyone")
    assert rules.role(everyone, ADA, message("99@lid")) == "guest"
    for chat in ("status@broadcast", "1@newsletter", "867051314767696@bot", GROUP, ""):
        assert rules.role(everyone, ADA, message(chat)) is None, chat


@pytest.mark.parametrize("policy", [CHOSEN, PROVED, Policy(mode="everyone")])
def test_a_group_is_heard_only_when_allowed_and_addressed_and_its_members_are_guests(policy: Policy) -> None:
    said = message(GROUP, sender=BOBS_LID, alt=BOB)
    addressed = replace(said, addressed=["5@lid", ADA.lid])
    mentions = replace(policy, groups="mentions")
    assert rules.role(policy, ADA, addressed) is None
    assert rules.role(mentions, ADA, said) is None
    assert rules.role(mentions, ADA, replace(said, addressed=["5@lid"])) is None
    assert rules.role(mentions, ADA, addressed) == "guest"  # the owner's number too: all members read the answer
    stranger = replace(addressed, sender="5@lid", alt="495@s.whatsapp.net")
    assert rules.role(mentions, ADA, stranger) == ("guest" if policy.mode == "everyone" else None)


def test_paddys_own_words_are_kept_nowhere() -> None:
    for policy, chat in ((Policy(), ADA.jid), (CHOSEN, BOB)):
        assert rules.to_keep(policy, ADA, from_ada(chat, "🤖 *Paddy:* Done.")) is None


def test_of_what_the_human_writes_by_hand_only_that_it_happened_is_kept() -> None:
    kept = rules.to_keep(CHOSEN, ADA, from_ada(BOB, "a private word"))
    assert kept is not None
    assert (kept.kind, kept.text, kept.chat) == (rules.BY_HAND, "", BOB)
    for policy, chat in ((Policy(), BOB), (CHOSEN, "5@lid"), (PROVED, BOB), (CHOSEN, GROUP)):
        assert rules.to_keep(policy, ADA, from_ada(chat)) is None


def test_phone_numbers_come_from_phone_jids_only() -> None:
    assert rules.phone_number("4915112345678:3@s.whatsapp.net") == "+4915112345678"
    assert rules.phone_number("77001122@lid") is None


def test_a_policy_survives_json() -> None:
    policy = Policy("people", ("+491",), "mentions", True, False, PROVED.own_numbers, Proof("1", "aa", "bb", 1.5))
    assert Policy.from_json(json.loads(json.dumps(policy.as_json()))) == policy
    assert Policy.from_json(None) == Policy.from_json({}) == Policy()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@77001122 /resume", "/resume"),
        ("@77001122  /pause 2h", "/pause 2h"),
        ("@4915112345678: leave a note: call Bob", "leave a note: call Bob"),
        ("Hey @77001122, leave a note: call Bob", "Hey, leave a note: call Bob"),
        ("what is due? @77001122", "what is due?"),
        ("@77001122 @88001122 hi", "@88001122 hi"),
        ("@770011223 hi", "@770011223 hi"),  # somebody else
        ("@77001122", "@77001122"),  # nothing else was said
        (" " * 60_000 + "@77001122" + " " * 4_000 + "x", "x"),
        (":) @77001122", ":)"),
    ],
)
def test_in_a_group_the_accounts_own_mention_is_no_part_of_what_is_said(text: str, said: str) -> None:
    assert rules.said_to(ADA, message(GROUP, text, sender=BOB, addressed=[ADA.lid])) == said
    assert rules.said_to(ADA, message(BOB, text)) == text

"""Who is not the owner: no tools, a conversation of their own, and what they see while Paddy thinks."""

from uuid import UUID

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import select
from support.assistant.conversations import StageGateway, Story
from support.waiting import until

from exponential.assistant.channels import presence
from exponential.assistant.channels.registry import Channels
from exponential.assistant.conversation import Incoming
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.workspace import notes

GROUP = "120363000000000000@g.us"


def wrote(owner: UUID, text: str, message: str, chat: str = "carol@lid", role: str = "guest") -> Incoming:
    assert role in ("guest", "owner")
    who = "guest" if role == "guest" else "owner"
    return Incoming(owner, "whatsapp", text, who, "s1", chat, message, is_group=chat == GROUP)


async def test_a_guest_never_meets_the_owners_or_another_guests_words(
    app_database: Database, app_settings: AppSettings, story: Story, alice: UUID
) -> None:
    seen: dict[str, str] = {}
    tools: set[str] = set()

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        everything = ModelMessagesTypeAdapter.dump_json(messages).decode() + str(info.instructions)
        last = "dave" if "dave asks" in everything else "carol" if "carol asks" in everything else "owner"
        seen[last] = everything
        if last != "owner":
            tools.update(tool.name for tool in info.function_tools)
        return ModelResponse([TextPart(f"an answer for {last}")])

    async with Runtime(app_database, app_settings, model=FunctionModel(model)) as runtime:
        await runtime.ask(alice, "the owner's secret")
        (own,) = await story.say(wrote(alice, "another secret of the owner", "m0", "alice@lid", "owner"))
        (carol,) = await story.say(wrote(alice, "carol asks", "m1"))
        await story.replies(carol.chat_id)
        (dave,) = await story.say(wrote(alice, "dave asks", "m2", "dave@lid"))
        assert await story.replies(dave.chat_id) == ["an answer for dave"]
    assert len({own.chat_id, carol.chat_id, dave.chat_id}) == 3
    for words in ("secret", "alice", "answer for owner"):
        assert words not in seen["carol"] + seen["dave"], words
    assert "carol" not in seen["dave"]
    assert tools == {"leave_note"}
    assert "secret" in seen["owner"]


async def test_whoever_wrote_sees_it_read_and_noticed_and_then_the_answer(
    app_database: Database,
    app_settings: AppSettings,
    channels: Channels,
    gateway: StageGateway,
    story: Story,
    alice: UUID,
) -> None:
    async def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        await until(noticed)
        return ModelResponse([TextPart("Here I am.")])

    async def noticed() -> bool:
        return ("carol@lid", "m2", presence.SEEN) in gateway.reactions

    async def done() -> bool:
        return bool(gateway.sent) and ("carol@lid", "m2", "") in gateway.reactions

    async with Runtime(app_database, app_settings, channels, model=FunctionModel(model)):
        await story.say(wrote(alice, "hello", "m1"), wrote(alice, "anybody there?", "m2"))
        await until(done)
    assert gateway.read == [("carol@lid", ["m1", "m2"])]
    assert gateway.reactions == [("carol@lid", "m2", presence.SEEN), ("carol@lid", "m2", "")]
    assert gateway.typing == [("carol@lid", True), ("carol@lid", False)]
    assert gateway.quoted == [None]


async def test_typing_is_renewed_while_paddy_thinks(
    app_database: Database,
    app_settings: AppSettings,
    channels: Channels,
    gateway: StageGateway,
    story: Story,
    alice: UUID,
) -> None:
    async def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        async def shown_again() -> bool:
            return gateway.typing.count(("carol@lid", True)) >= 3

        await until(shown_again)
        return ModelResponse([TextPart("at last")])

    async with Runtime(app_database, app_settings, channels, model=FunctionModel(model), timing=Timing(typing=0.05)):
        (received,) = await story.say(wrote(alice, "think hard", "m1"))
        assert await story.replies(received.chat_id) == ["at last"]
    assert gateway.typing[-1] == ("carol@lid", False)


async def test_in_a_group_the_answer_quotes_the_question(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    await story.say(wrote(alice, "@Paddy hello", "m1", GROUP), wrote(alice, "@Paddy?", "m2", GROUP))

    async def sent() -> bool:
        return bool(gateway.sent)

    await until(sent)
    assert gateway.quoted == ["m2"]


async def test_a_reply_to_a_chat_in_which_a_human_answers_now_is_given_up(
    connected: Runtime, gateway: StageGateway, story: Story, alice: UUID
) -> None:
    gateway.paused = {"carol@lid"}
    await story.say(wrote(alice, "hello", "m1"))

    async def offered() -> bool:
        return bool(gateway.posts)

    await until(offered)
    await story.say(wrote(alice, "hello", "m2", "dave@lid"))

    async def sent() -> bool:
        return bool(gateway.sent)

    await until(sent)
    assert [chat for _, chat, _ in gateway.posts] == ["carol@lid", "dave@lid"]


async def test_a_note_says_from_which_number_it_is(connected: Runtime, story: Story, alice: UUID) -> None:
    words, handle = "leave a note: call my new number", "+4915187654321"
    note = Incoming(alice, "whatsapp", words, "guest", "s1", "mom", "m1", "M\u202eom", sender_handle=handle)
    (received,) = await story.say(note)
    await story.replies(received.chat_id)
    async with story.database.transaction() as session:
        (left,) = (await session.scalars(select(notes.Note))).all()
    assert left.sender == "Mom (+4915187654321)"

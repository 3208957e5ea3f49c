"""Whole conversations with the offline model: what is said, what is answered, what the workspace holds afterwards."""

from uuid import UUID

from support.assistant.conversations import Story

from exponential.assistant.runtime import Runtime

TRANSCRIPT = """Transcript of the pricing sync:
Anna: Welcome, today we talk about pricing for small teams.
Bob: Many customers told us that the starter plan is too expensive for them.
Anna: Okay, we decided to lower the starter price to nine euros.
Bob: I'll update the pricing page by Friday.
Anna: Bob will also tell the sales team about the starter price."""


async def test_tasks_and_a_project(runtime: Runtime, story: Story, alice: UUID) -> None:
    async def says(text: str) -> str:
        return (await runtime.ask(alice, text)).reply

    assert "Started project **Alpha**" in await says("create project Alpha")
    assert "**sign the lease**, in Alpha, high" in await says("add sign the lease for project Alpha, high priority")
    assert "due tomorrow" in await says("and move it to tomorrow")
    await says("add buy milk and call mom")
    assert "1. **sign the lease**" in await says("what are my tasks?")
    assert "Done: **buy milk**" in await says("the second one is done")
    assert "Open again: **buy milk**" in await says("oh wait, reopen it")
    assert await says("delete call mom") == "Delete *call mom*? Reply *YES* to do it."
    assert await story.titles(alice) == ["sign the lease", "buy milk", "call mom"]
    assert "Deleted **call mom**" in await says("yes")
    assert await story.titles(alice) == ["sign the lease", "buy milk"]
    assert "Undone: delete task" in await says("oops, undo")
    assert await story.titles(alice) == ["sign the lease", "buy milk", "call mom"]
    assert "**buy oat milk**" in await says("rename buy milk to buy oat milk")
    status = await says("how is Alpha going?")
    assert "0 of 1 task done" in status and "Next: **sign the lease**" in status
    assert "(on hold)" in await says("put it on hold")
    await says("delete nonsense")
    assert "no task like “nonsense”" in await says("YES")
    assert len(await story.titles(alice)) == 3


async def test_projects_are_known_by_their_names(runtime: Runtime, story: Story, alice: UUID, bob: UUID) -> None:
    async def says(text: str) -> str:
        return (await runtime.ask(alice, text)).reply

    for name in ("Garden", "Kitchen Renovation", 'The "Blue" One'):
        await says(f"create project {name}")
    assert "Added **oil the hinges**, in Garden" in await says("add oil the hinges to garden")
    assert "Added **order tiles**, due tomorrow, in Kitchen R" in await says(
        "order tiles in kitchen renovation tomorrow"
    )
    assert "Updated: **order tiles**, due tomorrow, in Garden" in await says("put order tiles into garden")
    assert "I can only delete tasks" in await says("delete garden")
    assert sorted(await story.titles(alice)) == ["oil the hinges", "order tiles"]
    assert "**Garden** (done)" in await says("garden is done")
    assert "Added **oil the hinges to garden**" in (await runtime.ask(bob, "add oil the hinges to garden")).reply


async def test_a_meeting(runtime: Runtime, story: Story, alice: UUID) -> None:
    kept = await runtime.ask(alice, TRANSCRIPT)
    assert kept.tools[0]["name"] == "import_meeting"
    assert "Kept the transcript. **pricing sync**" in kept.reply and "Bob: update the pricing page" in kept.reply
    found = (await runtime.ask(alice, "what did we decide about the price?")).reply
    assert "**Decided:** Anna: “Okay, we decided to lower the starter price to nine euros.” (pricing sync" in found
    await runtime.ask(alice, "action items from the pricing meeting")
    made = await runtime.ask(alice, "make the second one a task")
    assert [tool["name"] for tool in made.tools] == ["create_task"]
    assert await story.titles(alice) == ["tell the sales team about the starter price"]
    again = await runtime.ask(alice, "turn the second one into a task")
    assert "is a task already" in again.reply


async def test_reminders_memory_and_questions(runtime: Runtime, alice: UUID, bob: UUID) -> None:
    async def says(text: str) -> str:
        return (await runtime.ask(alice, text)).reply

    assert "When shall I remind you" in await says("remind me to call mom")
    assert "I'll remind you: **call mom**, tomorrow at 09:00" in await says("tomorrow at 9")
    assert "tomorrow at 10:00" in await says("snooze it until tomorrow at 10")
    assert "1 reminder:" in await says("my reminders")
    assert "Cancelled" in await says("cancel that")
    assert "No reminders" in await says("list my reminders")
    await says("remember that I review budgets on Thursdays")
    assert "I review budgets on Thursdays" in await says("what do you know about budgets?")
    assert "I remember nothing" in (await runtime.ask(bob, "what do you know about budgets?")).reply
    assert "Forget *budgets*?" in await says("forget about the budgets")
    assert "Forgotten: I review budgets on Thursdays" in await says("yes")
    await says("add buy milk, then mark buy milk as done")
    assert "1 done task:\n\n- **buy milk**" in await says("what did I finish this week?")
    assert "no projects without a next step" in await says("which projects have no next step?")


async def test_remind_me_in_several_messages(runtime: Runtime, story: Story, alice: UUID) -> None:
    async def says(text: str) -> str:
        return (await runtime.ask(alice, text)).reply

    await says("add buy milk")
    assert "What shall I remind you of" in await says("remind me")
    assert "What shall I remind you of" in await says("tomorrow at 9")
    assert "I'll remind you: **call mom**, tomorrow at 09:00" in await says("to call mom")
    assert "What shall I remind you of" in await says("remind me please")
    assert "When shall I remind you" in await says("to water the plants")
    assert "I'll remind you: **water the plants**, tomorrow at 10:00" in await says("tomorrow at 10")
    assert "What shall I remind you of" in await says("remind me")
    assert "Added **buy bread**" in await says("add buy bread")


async def test_what_is_not_sure_is_proposed(runtime: Runtime, story: Story, alice: UUID) -> None:
    async def says(text: str) -> str:
        return (await runtime.ask(alice, text)).reply

    assert "Did you mean: add" in await says("someone really ought to be chasing Omar for the lease")
    assert "I leave it" in await says("no")
    assert await story.titles(alice) == []
    assert "Did you mean: add" in await says("someone really ought to be chasing Omar for the lease")
    await says("what's due today?")
    assert "Added" not in await says("yes"), "the question was another one's last words"
    assert "Did you mean: add" in await says("someone really ought to be chasing Omar for the lease")
    assert "Added" in await says("Yes!")
    assert len(await story.titles(alice)) == 1


async def test_another_language_gets_one_sentence(runtime: Runtime, story: Story, alice: UUID) -> None:
    asked = await runtime.ask(alice, "recuérdame mañana a las 9 que llame a mamá")
    assert asked.reply == "Sin un modelo de lenguaje solo entiendo inglés. No he hecho nada."
    assert asked.tools == []

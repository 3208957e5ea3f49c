"""What a turn says while it is made reaches those who follow its chat, in any process, and nobody else."""

import asyncio
import gc
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from support.waiting import until

from exponential.assistant.turns import stream
from exponential.assistant.turns.stream import Progress, ProgressFeed, ProgressSender
from exponential.core.database import Database, notify

CHAT, OTHER = uuid4(), uuid4()


@pytest.fixture
async def elsewhere(app_database: Database) -> AsyncIterator[Database]:
    """Another process's connections."""
    database = Database(app_database.url.render_as_string(hide_password=False))
    yield database
    await database.close()


async def following(news: stream.ProgressStream, until_kind: str = "end") -> list[Progress]:
    async with asyncio.timeout(15):
        seen = []
        async for one in news:
            seen.append(one)
            if one.kind == until_kind:
                break
        return seen


async def test_text_tools_and_the_end_arrive_in_order(app_database: Database, elsewhere: Database) -> None:
    feed = ProgressFeed(app_database)
    remote_feed = ProgressFeed(elsewhere)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    said = [
        Progress(turn, 1, "tool", "create_task", "started"),
        Progress(turn, 2, "tool", "create_task", "done"),
        Progress(turn, 3, "text", "Added **buy"),
        Progress(turn, 4, "end", "Added **buy milk**. 🎉", "done"),
    ]
    async with feed.follow(CHAT) as news, remote_feed.follow(CHAT) as remote, remote_feed.follow(OTHER) as other:
        for one in said:
            await sender.publish(one)
        await ProgressSender(app_database, OTHER).publish(Progress(uuid4(), 1, "end", "", "failed"))
        assert await following(news) == said
        assert await following(remote) == said
        assert [one.state for one in await following(other)] == ["failed"]


async def test_a_long_text_is_whole_again_and_every_notice_is_small_and_sealed(
    app_database: Database, elsewhere: Database
) -> None:
    remote_feed = ProgressFeed(elsewhere)
    sender = ProgressSender(app_database, CHAT)
    turn, sizes = uuid4(), []
    whole = "Grüße, word 世界 🎉\n\x00" * 1_500
    async with app_database.listen(stream.CHANNEL) as notices, remote_feed.follow(CHAT) as news:
        last = ""
        for number, length in enumerate((10, 4_000, 4_001, 12_000, 12_300, len(whole))):
            last = whole[:length]
            await sender.publish(Progress(turn, number, "text", last))
        await sender.publish(Progress(turn, 99, "end", last, "done"))
        seen = await following(news)
        assert seen[-1].text == last == whole
        assert all(whole.startswith(one.text) for one in seen)
        async with asyncio.timeout(15):
            async for _, payload in notices:
                sizes.append(len(payload.encode()))
                assert "word" not in payload
                if len(sizes) >= 12:
                    break
    assert max(sizes) < 7_900


async def test_who_comes_late_gets_the_whole_text_soon(app_database: Database, elsewhere: Database) -> None:
    remote_feed = ProgressFeed(elsewhere)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    words = [f"word{number} " for number in range(stream.WHOLE_EVERY * 2)]
    await sender.publish(Progress(turn, 0, "text", words[0]))
    async with remote_feed.follow(CHAT) as news:
        for number in range(1, len(words)):
            await sender.publish(Progress(turn, number, "text", "".join(words[: number + 1])))
        await sender.publish(Progress(turn, 100, "end", "".join(words), "done"))
        seen = await following(news)
        assert seen[0].text.startswith("word0 word1 ")
        assert seen[-1].text == "".join(words)


async def test_a_second_page_of_a_process_begins_with_what_is_known(app_database: Database) -> None:
    feed = ProgressFeed(app_database)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    async with feed.follow(CHAT) as first:
        await sender.publish(Progress(turn, 1, "text", "so far"))
        await following(first, "text")
        async with feed.follow(CHAT) as second:
            assert (await following(second, "text"))[-1].text == "so far"


async def test_a_text_that_was_begun_anew_replaces_the_old_one(app_database: Database) -> None:
    feed = ProgressFeed(app_database)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    async with feed.follow(CHAT) as news:
        for number, text_ in enumerate(("I think that", "No: ", "No: it is so.")):
            await sender.publish(Progress(turn, number, "text", text_))
        await sender.publish(Progress(turn, 9, "end", "No: it is so.", "done"))
        assert [one.text for one in await following(news)][-1] == "No: it is so."


async def test_waiting_may_be_cancelled_and_a_slow_follower_gets_the_latest(app_database: Database) -> None:
    feed = ProgressFeed(app_database)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    async with feed.follow(CHAT) as news:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(news), 0.05)
        for number in range(5):
            await sender.publish(Progress(turn, number, "text", "x" * (number + 1)))
        await sender.publish(Progress(turn, 8, "tool", "undo", "started"))
        await sender.publish(Progress(turn, 9, "end", "x" * 5, "done"))

        async def all_there() -> bool:
            return len(news._waiting) == 3

        await until(all_there)
        assert [(one.kind, one.text) for one in await following(news)] == [
            ("text", "xxxxx"),
            ("tool", "undo"),
            ("end", "xxxxx"),
        ]


async def test_closing_ends_the_wait_and_the_last_one_hangs_up(app_database: Database) -> None:
    feed = ProgressFeed(app_database)

    async def listening() -> int:
        query = "select count(*) from pg_stat_activity where query = 'listen \"progress\"'"
        query += " and datname = current_database()"
        async with app_database.transaction() as session:
            return int((await session.execute(text(query))).scalar_one())

    async def one_is() -> bool:
        return await listening() == 1

    async def none_is() -> bool:
        return await listening() == 0

    async with feed.follow(CHAT) as news, feed.follow(OTHER):
        await until(one_is)
        waiting = asyncio.create_task(following(news))
        await asyncio.sleep(0)
        await news.aclose()
        assert await waiting == []
        await until(one_is)
    await until(none_is)


async def test_it_goes_on_after_the_connection_was_lost(app_database: Database, elsewhere: Database) -> None:
    remote_feed = ProgressFeed(elsewhere)
    sender = ProgressSender(app_database, CHAT)
    turn = uuid4()
    async with remote_feed.follow(CHAT) as news:
        kill = "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen \"progress\"'"
        async with app_database.transaction() as session:
            await session.execute(text(kill))
        number = 0
        async with asyncio.timeout(15):
            while True:
                number += 1
                await sender.publish(Progress(turn, number, "text", f"number {number}"))
                try:
                    assert (await asyncio.wait_for(anext(news), 0.1)).text.startswith("number ")
                    break
                except TimeoutError:
                    continue


async def test_a_follower_that_was_dropped_is_forgotten(app_database: Database) -> None:
    feed = ProgressFeed(app_database)
    dropped = feed.follow(CHAT)
    del dropped
    gc.collect()
    assert not feed._followers[CHAT]
    await feed.follow(CHAT).aclose()
    assert feed._followers == {}


async def test_what_makes_no_sense_is_passed_over(app_database: Database) -> None:
    feed = ProgressFeed(app_database)
    sender = ProgressSender(app_database, CHAT)
    async with feed.follow(CHAT) as news:
        async with app_database.transaction() as session:
            for payload in ("", "what", f"{CHAT} ???", f"{CHAT} AAAA"):
                await notify(session, stream.CHANNEL, payload)
        end = Progress(uuid4(), 1, "end", "fine", "done")
        await sender.publish(end)
        assert await following(news) == [end]


async def test_who_leaves_before_it_listens_leaves_nothing_behind() -> None:
    before = asyncio.all_tasks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), ProgressFeed(Database("postgresql://nobody@127.0.0.1:9/none")).follow(CHAT):
            pytest.fail("nobody listens there")
    await until(lambda: asyncio.all_tasks() == before)

"""Settings: one's own account, passwords, browsers, memory, data; and people, for admins."""

import asyncio
import io
import json
import re
import zipfile
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from support.app.accounts import GOOD, an_admin, try_password, with_password
from support.app.running_app import GatewayStandIn, House

from exponential.app.settings.own_data import erase_account
from exponential.assistant import conversation
from exponential.assistant.conversation import Incoming
from exponential.auth import sign_in, users
from exponential.auth.users import User
from exponential.core import clock
from exponential.core.errors import Conflict
from exponential.workspace import facts, history, reminders, tasks

PAGE = {"accept": "text/html"}
PAGES = ("", "/security", "/whatsapp", "/paddy", "/activity", "/programs", "/data")


async def test_every_page_is_there_and_wants_a_user(house: House) -> None:
    async with house.signed_in(await house.user(), **PAGE) as client, house.client(**PAGE) as stranger:
        for path in PAGES:
            assert (await client.get(f"/settings{path}")).status_code == 200, path
            assert (await stranger.get(f"/settings{path}")).status_code == 401, path
        assert "/settings/people" not in (await client.get("/settings")).text


async def test_name_and_address_are_changed_unless_somebody_has_the_address(house: House) -> None:
    await house.user("bob@example.org", "Bob")
    async with house.signed_in(await house.user(), **PAGE) as client:
        answer = await client.post("/settings", data={"name": "Alice L.", "email": "AL@example.org"})
        assert answer.headers["location"] == "/settings?done=account"
        text = (await client.get("/settings?done=account")).text
        assert "al@example.org" in text and "Alice L." in text and "Saved." in text
        for name, email, status in (
            ("Alice", "bob@example.org", 409),
            ("Alice", "no address", 422),
            ("\x01", "a@b.c", 422),
            ("", "a@b.c", 422),
        ):
            refused = await client.post("/settings", data={"name": name, "email": email})
            assert (refused.status_code, 'role="alert"' in refused.text) == (status, True)


async def test_the_first_admin_saves_a_name_while_the_address_is_the_installations_own(house: House) -> None:
    async with house.database.transaction() as session:
        admin = await users.local_user(session)
    async with house.signed_in(admin, **PAGE) as client:
        shown = (await client.get("/settings")).text
        assert f'value="{users.LOCAL_EMAIL}"' in shown
        saved = await client.post("/settings", data={"name": "Ada", "email": users.LOCAL_EMAIL})
        assert saved.status_code == 303
        other = await client.post("/settings", data={"name": "Ada", "email": f"ada{users.LOCAL_DOMAIN}"})
        assert other.status_code == 422 and "own" in other.text
        assert 'value="Ada"' in (await client.get("/settings")).text


async def test_another_address_wants_the_password_and_another_name_does_not(house: House) -> None:
    await with_password(house)
    async with house.client(**PAGE) as client:
        await try_password(client, "alice@example.org", GOOD)
        assert "Current password" in (await client.get("/settings")).text
        assert (await client.post("/settings", data={"name": "Al", "email": "alice@example.org"})).status_code == 303
        other = {"name": "Al", "email": "victim@example.org"}
        for current, status in (("", 422), ("wrong", 401)):
            refused = await client.post("/settings", data={**other, "current": current})
            assert refused.status_code == status and 'role="alert"' in refused.text
        assert "alice@example.org" in (await client.get("/tasks")).text
        assert (await client.post("/settings", data={**other, "current": GOOD})).status_code == 303
        assert "victim@example.org" in (await client.get("/tasks")).text


async def test_without_a_password_only_who_signed_in_just_now_changes_address_and_password(house: House) -> None:
    async with house.signed_in(await house.user(), **PAGE) as client:
        password = {"password": GOOD, "again": GOOD}
        with clock.frozen(clock.now() + sign_in.FRESH_FOR + timedelta(minutes=1)):
            other = {"name": "Alice", "email": "victim@example.org"}
            for path, data in (("/settings", other), ("/settings/password", password)):
                refused = await client.post(path, data=data)
                assert refused.status_code == 401 and "sign in again" in refused.text, path
            assert "alice@example.org" in (await client.get("/tasks")).text
        assert (await client.post("/settings/password", data=password)).status_code == 303


async def test_a_chosen_time_zone_stays_whatever_the_browser_says(house: House) -> None:
    async with house.signed_in(await house.user(), **PAGE) as client:
        assert (await client.post("/settings/timezone", data={"timezone": "Asia/Tokyo"})).status_code == 303
        await client.post("/api/timezone", json={"timezone": "Europe/Paris"})
        assert "<option selected>Asia/Tokyo</option>" in (await client.get("/settings")).text
        await client.post("/settings/timezone", data={"timezone": ""})
        await client.post("/api/timezone", json={"timezone": "Europe/Paris"})
        assert "now Europe/Paris" in (await client.get("/settings")).text
        assert (await client.post("/settings/timezone", data={"timezone": "Mars/Olympus"})).status_code == 422


async def test_whoever_came_by_link_sets_a_password_and_others_are_signed_out(house: House) -> None:
    alice = await with_password(house)
    fresh = {"password": "a new one to remember", "again": "a new one to remember"}
    async with house.signed_in(alice, **PAGE) as client, house.client(**PAGE) as other:
        await try_password(other, "alice@example.org", GOOD)
        assert "Current password" in (await other.get("/settings/security")).text
        refused = await other.post("/settings/password", data={**fresh, "current": "wrong"})
        assert refused.status_code == 401 and "current password is not right" in refused.text
        assert (await client.post("/settings/password", data={**fresh, "again": "else"})).status_code == 422
        assert (await client.post("/settings/password", data=fresh)).status_code == 303
        assert (await other.get("/tasks")).status_code == 401
        assert (await client.get("/tasks")).status_code == 200
        assert (await try_password(other, "alice@example.org", GOOD)).status_code == 401
        assert (await try_password(other, "alice@example.org", fresh["password"])).status_code == 303
        changed = {"current": fresh["password"], "password": GOOD, "again": GOOD}
        assert (await other.post("/settings/password", data=changed)).status_code == 303
        assert (await client.get("/tasks")).status_code == 401


async def test_browsers_are_listed_and_signed_out_one_by_one_or_all(house: House) -> None:
    alice = await house.user()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604"
    async with (
        house.signed_in(alice, **PAGE, **{"user-agent": firefox}) as here,
        house.signed_in(alice, **PAGE, **{"user-agent": iphone}) as phone,
        house.signed_in(await house.user("bob@example.org", "Bob"), **PAGE) as bob,
    ):
        text = (await here.get("/settings/security")).text
        assert "Firefox on Linux" in text and "Safari on iPhone" in text
        async with house.database.transaction() as session:
            ids = {found.device: found.id for found, _ in await sign_in.sessions_of(session, alice.id, "")}
        assert (await bob.post(f"/settings/sessions/{ids['Safari on iPhone']}/end")).status_code == 404
        assert (await phone.get("/tasks")).status_code == 200
        await here.post(f"/settings/sessions/{ids['Safari on iPhone']}/end")
        assert (await phone.get("/tasks")).status_code == 401
        assert (await here.post("/settings/sessions/end-all")).headers["location"] == "/signed-out"
        assert (await here.get("/tasks")).status_code == 401
        assert (await bob.get("/tasks")).status_code == 200


async def test_facts_are_forgotten_reminders_cancelled_and_both_undone(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with house.database.transaction() as session:
        fact = await facts.remember(session, alice.id, "The door code changes on Mondays")
        reminder = await reminders.remind(session, alice.id, "water the plants", clock.now() + timedelta(days=1))
    async with house.signed_in(alice, **PAGE) as client, house.signed_in(bob, **PAGE) as other:
        assert "door code" not in (await other.get("/settings/paddy")).text
        for path in (f"/settings/facts/{fact.id}/forget", f"/settings/reminders/{reminder.id}/cancel"):
            assert (await other.post(path)).status_code == 404
            assert (await client.post(path)).status_code == 303
        text = (await client.get("/settings/paddy")).text
        assert "door code" not in text and "water the plants" not in text
        activity = (await client.get("/settings/activity")).text
        assert "The door code changes on Mondays" in activity and "water the plants" in activity
        assert "door code" not in (await other.get("/settings/activity")).text
        acts = re.findall(r"/settings/activity/([0-9a-f-]+)/undo", activity)
        assert len(acts) == 2
        for act in acts:
            assert (await other.post(f"/settings/activity/{act}/undo")).status_code == 404
            assert (await client.post(f"/settings/activity/{act}/undo")).status_code == 303
        text = (await client.get("/settings/paddy")).text
        assert "door code" in text and "water the plants" in text
        assert (await client.post(f"/settings/activity/{acts[0]}/undo")).status_code == 409


async def test_where_reminders_are_said_is_told(linked_house: House, gateway: GatewayStandIn) -> None:
    alice = await linked_house.user()
    async with linked_house.signed_in(alice, **PAGE) as client:
        on_whatsapp, web_alone = "where you asked for it or last wrote", "No account is linked"
        page = (await client.get("/settings/paddy")).text
        assert on_whatsapp not in page and web_alone not in page  # there are none
        async with linked_house.database.transaction() as session:
            await reminders.remind(session, alice.id, "water the plants", clock.now() + timedelta(days=1))
        linked = gateway.add(str(alice.id), "connected", "+4915112345678")
        page = (await client.get("/settings/paddy")).text
        assert on_whatsapp in page and web_alone not in page
        gateway.set(linked, "disconnected")
        page = (await client.get("/settings/paddy")).text
        assert on_whatsapp not in page and web_alone in page


async def test_without_a_gateway_nobody_is_sent_to_link_an_account(house: House) -> None:
    alice = await house.user()
    async with house.database.transaction() as session:
        await reminders.remind(session, alice.id, "water the plants", clock.now() + timedelta(days=1))
    async with house.signed_in(alice, **PAGE) as client:
        page = (await client.get("/settings/paddy")).text
    assert "water the plants" in page and "No account is linked" not in page


async def test_tokens_are_shown_once_work_and_are_revoked(house: House) -> None:
    alice, bob = await house.user(), await house.user("bob@example.org", "Bob")
    async with (
        house.signed_in(alice, **PAGE) as client,
        house.signed_in(bob, **PAGE) as other,
        house.client() as script,
    ):
        assert (await client.post("/settings/programs", data={"name": " "})).status_code == 422
        none = await client.post("/settings/programs", data={"name": "recorder"})
        assert (
            none.status_code == 422 and "Choose what the token may do" in none.text and 'value="recorder"' in none.text
        )
        form = {"name": "recorder", "scope": ["meetings:write", "audit:read"], "days": "365"}
        [secret] = re.findall(r"exp_[\w-]+", (await client.post("/settings/programs", data=form)).text)
        page = (await client.get("/settings/programs")).text
        until = (clock.now() + timedelta(days=365)).astimezone(ZoneInfo("Europe/Berlin"))
        assert f"may add meetings, read the audit · expires on {until.day} {until:%B %Y}" in page
        assert secret not in page and "recorder" in page and "never used" in page
        assert "<b>recorder</b>" not in (await other.get("/settings/programs")).text
        token = {"authorization": f"Bearer {secret}"}
        assert (await script.get("/api/audit", headers=token)).status_code == 200
        [token_id] = re.findall(r"/settings/programs/([0-9a-f-]+)/revoke", page)
        assert (await other.post(f"/settings/programs/{token_id}/revoke")).status_code == 404
        assert (await client.post(f"/settings/programs/{token_id}/revoke")).status_code == 303
        assert (await script.get("/api/audit", headers=token)).status_code == 401


async def test_answers_to_others_wait_when_the_owner_wants_that(house: House) -> None:
    async with house.signed_in(await house.user(), **PAGE) as client:
        assert "answers the people whom you allowed by itself" in (await client.get("/settings/paddy")).text
        assert (await client.post("/settings/approvals", data={"required": "true"})).status_code == 303
        assert "Paddy asks you before" in (await client.get("/settings/paddy")).text
        assert (await client.get("/api/approvals")).json()["required"] is True
        assert (await client.post(f"/settings/approvals/{clock.new_id()}/send")).status_code == 404
        await client.post("/settings/approvals", data={"required": "false"})
        assert (await client.get("/api/approvals")).json()["required"] is False


async def test_hostile_texts_are_shown_as_text(house: House) -> None:
    alice = await house.user("alice@example.org", "<script>alert(1)</script>")
    async with house.database.transaction() as session:
        await history.begin(session, alice.id, "remember", "whatsapp", {"fact": "<img src=x onerror=alert(1)>"})
        await facts.remember(session, alice.id, "<img src=x onerror=alert(1)>")
    async with house.signed_in(alice, **PAGE) as client:
        for path in ("", "/paddy", "/activity"):
            text = (await client.get(f"/settings{path}")).text
            assert "<script>alert" not in text and "<img src=x" not in text


async def fill(house: House, user: User, text: str) -> None:
    async with house.database.transaction() as session:
        await conversation.receive(session, Incoming(user.id, "web", text))
        await tasks.create_task(session, user.id, f"task of {text}", None)


async def test_the_export_has_all_of_ones_own_data_and_nothing_else(
    linked_house: House, gateway: GatewayStandIn
) -> None:
    alice, bob = await with_password(linked_house), await linked_house.user("bob@example.org", "Bob")
    await fill(linked_house, alice, "what alice said")
    await fill(linked_house, bob, "what bob said")
    gateway.add(str(alice.id), "connected", "+4915110000001")
    async with linked_house.signed_in(alice) as client:
        answer = await client.get("/settings/data/export")
    assert answer.headers["content-type"] == "application/zip" and "attachment" in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "what alice said" in everything and "task of what alice said" in everything
    assert "bob" not in everything and "argon2" not in everything and "token_hash" not in everything
    [user] = json.loads(archive.read("users.json"))
    assert user["email"] == "alice@example.org" and UUID(user["id"]) == alice.id
    [session] = json.loads(archive.read("whatsapp.json"))
    assert session["phoneNumber"] == "+4915110000001" and session["access"]["mode"] == "only_me"


async def test_erasing_wants_the_address_and_leaves_nothing(linked_house: House, gateway: GatewayStandIn) -> None:
    alice, bob = await linked_house.user(), await linked_house.user("bob@example.org", "Bob")
    await fill(linked_house, alice, "what alice said")
    await fill(linked_house, bob, "what bob said")
    for owner in (alice, bob):
        gateway.add(str(owner.id), "connected", "+4915110000001")
    async with linked_house.signed_in(alice, **PAGE) as client, linked_house.signed_in(bob, **PAGE) as other:
        refused = await client.post("/settings/data/erase", data={"confirm": "alice"})
        assert refused.status_code == 422 and "exactly: alice@example.org" in refused.text
        assert len(gateway.sessions) == 2
        done = await client.post("/settings/data/erase", data={"confirm": "alice@example.org"})
        assert done.headers["location"] == "/erased"
        assert "Everything is erased" in (await client.get("/erased")).text
        assert (await client.get("/tasks")).status_code == 401
        assert set(gateway.owners[each] for each in gateway.sessions) == {str(bob.id)}
        assert "task of what bob said" in (await other.get("/tasks")).text


async def test_nothing_is_erased_while_whatsapp_accounts_can_not_be_unlinked(make_house: object) -> None:
    async with make_house(gateway_url="http://127.0.0.1:9") as house:  # type: ignore[operator]
        alice = await house.user()
        async with house.signed_in(alice, **PAGE) as client:
            answer = await client.post("/settings/data/erase", data={"confirm": "alice@example.org"})
            assert answer.status_code == 503 and "nothing was erased here" in answer.text
            assert (await client.get("/tasks")).status_code == 200


async def test_people_are_for_admins_who_invite_promote_and_remove(house: House) -> None:
    root, bob = await an_admin(house), await house.user("bob@example.org", "Bob")
    async with house.signed_in(root, **PAGE) as admin, house.signed_in(bob, **PAGE) as member:
        for method, path in (
            ("GET", ""),
            ("POST", "/invites"),
            ("POST", f"/{root.id}/role"),
            ("POST", f"/{root.id}/remove"),
            ("POST", f"/{root.id}/free-address"),
        ):
            answer = await member.request(
                method, f"/settings/people{path}", data={"role": "member"} if method == "POST" else None
            )
            assert answer.status_code == 404 and "for admins" in answer.text
        assert "bob@example.org" in (await admin.get("/settings/people")).text
        made = await admin.post("/settings/people/invites", data={"email": "carol@example.org", "role": "member"})
        assert "http://app.test/invite/" in made.text and "carol@example.org" in made.text
        again = (await admin.get("/settings/people")).text
        assert "/invite/" not in again.replace("/invites", "") and "carol@example.org" in again

        alone = await admin.post(f"/settings/people/{root.id}/role", data={"role": "member"})
        assert alone.status_code == 409 and "only admin" in alone.text
        await admin.post(f"/settings/people/{bob.id}/role", data={"role": "admin"})
        assert (await member.get("/settings/people")).status_code == 200
        await admin.post(f"/settings/people/{bob.id}/role", data={"role": "member"})
        assert (await member.get("/settings/people")).status_code == 404

        refused = await admin.post(f"/settings/people/{bob.id}/remove", data={"confirm": "no"})
        assert refused.status_code == 422
        assert (
            await admin.post(f"/settings/people/{bob.id}/remove", data={"confirm": "bob@example.org"})
        ).status_code == 303
        assert (await member.get("/tasks")).status_code == 401
        assert "bob@example.org" not in (await admin.get("/settings/people")).text


async def test_the_only_admin_stays_one_also_when_alone(house: House) -> None:
    root = await an_admin(house)
    async with house.signed_in(root, **PAGE) as admin:
        refused = await admin.post(f"/settings/people/{root.id}/role", data={"role": "member"})
        assert refused.status_code == 409 and "Root is the only admin" in refused.text
        assert (await admin.get("/settings/people")).status_code == 200


async def test_the_last_admin_does_not_leave_the_others_alone(house: House) -> None:
    root = await an_admin(house)
    async with house.signed_in(root, **PAGE) as admin:
        await house.user("bob@example.org", "Bob")
        answer = await admin.post("/settings/data/erase", data={"confirm": root.email})
        assert answer.status_code == 409 and "only admin" in answer.text


async def test_two_admins_who_demote_each_other_leave_one(house: House) -> None:
    root, other = await an_admin(house), await an_admin(house, "other@example.org")
    async with house.signed_in(root, **PAGE) as one, house.signed_in(other, **PAGE) as two:
        answers = await asyncio.gather(
            one.post(f"/settings/people/{other.id}/role", data={"role": "member"}),
            two.post(f"/settings/people/{root.id}/role", data={"role": "member"}),
        )
        assert 303 in [answer.status_code for answer in answers]
    async with house.database.transaction() as session:
        assert [person.is_admin for person in await users.list_all(session)].count(True) == 1


async def test_who_became_the_last_admin_meanwhile_is_not_erased(house: House) -> None:
    root, alice = await an_admin(house), await house.user()
    async with house.database.transaction() as session:
        await users.set_role(session, alice.id, "admin")
        await users.set_role(session, root.id, "member")
    with pytest.raises(Conflict, match="Alice is the only admin"):
        await erase_account(house.app.state.exponential, alice)  # as she was when her page was asked for


@pytest.mark.parametrize("path", ["/sessions/not-an-id/end", "/facts/1/forget", "/activity/1/undo"])
async def test_forms_of_other_sites_and_bad_ids_do_nothing(house: House, path: str) -> None:
    async with house.signed_in(await house.user()) as client:
        forged = await client.post(f"/settings{path}", headers={"origin": "https://evil.example"})
        assert forged.status_code == 403
        assert 400 <= (await client.post(f"/settings{path}")).status_code < 500


async def test_signing_out_everywhere_voids_open_links(house: House) -> None:
    alice = await house.user()
    link = await house.link(alice)
    async with house.signed_in(alice) as client, house.client() as thief:
        await client.post("/settings/sessions/end-others")
        for answer in (await thief.get(link), await thief.post(link)):
            assert answer.status_code == 401

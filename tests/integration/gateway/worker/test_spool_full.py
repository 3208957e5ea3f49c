"""When messages can't be kept: WhatsApp is not told that we have them, people are told why, and then it goes on."""

import psycopg
from support.gateways import ADA, App, StartGateway
from support.waiting import until

from exponential.gateway.client import GatewayClient
from exponential.loopback.phones import camera
from exponential.loopback.server.directory import Device
from exponential.loopback.server.server import Loopback

COUNT = 25
LONG = "x" * 60_000  # 25 of these don't fit into 1 MiB


def unacknowledged(device: Device) -> int:
    return sum(stanza.tag == "message" for stanza in device.waiting.values())


async def qr(client: GatewayClient, session: str) -> bytes | None:
    return await client.qr(ADA, session) if (await client.login_status(ADA, session)).qr_available else None


async def test_a_full_spool_is_felt_by_whatsapp_and_seen_by_people(
    start_gateway: StartGateway, whatsapp: Loopback, app: App
) -> None:
    phone = whatsapp.add_phone("+4915112345678", "Ada")
    loopback = {
        "mode": "loopback",
        "proxy_url": whatsapp.proxy_url,
        "loopback_ca": whatsapp.ca_path,
        "loopback_noise_root": whatsapp.noise_root,
    }
    async with start_gateway(None, app_url=app.url, spool_limit=1, **loopback) as gateway:
        client, reports = gateway.client, gateway.operations.reports
        session = await client.login(ADA)
        device = await phone.scan(camera.read(await until(lambda: qr(client, session))))

        async def told() -> bool:
            return "WhatsApp keeps new messages" in ((await client.login_status(ADA, session)).status_reason or "")

        async def connected() -> bool:
            return (await client.login_status(ADA, session)).connected

        await until(connected)
        async with await psycopg.AsyncConnection.connect(gateway.operations.database.libpq) as blocking:
            await blocking.execute("lock table inbox in access exclusive mode")
            for number in range(COUNT):
                phone.send_text("me", f"{number} {LONG}")
            await until(lambda: reports.stuck)
            assert "database doesn't answer" in reports.stuck[session]
            await until(told)
            assert (
                unacknowledged(device) > 0
            )  # even all: an acknowledgement waits for a store that waits for what came since
            assert app.texts == []

        await until(lambda: len(app.taken) == COUNT, within=40)
        assert [text.split()[0] for text in app.texts] == [str(number) for number in range(COUNT)]
        await until(lambda: unacknowledged(device) == 0)
        await until(connected)
        assert reports.stuck == {}

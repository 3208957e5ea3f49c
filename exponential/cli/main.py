"""The command line: verbs, one call each. Heavy modules are imported by the verb that needs them."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from exponential.cli import admin
from exponential.cli import user as personal
from exponential.core.errors import ConfigurationError, ExponentialError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="""Link your WhatsApp to **Paddy**, an AI assistant, and talk to it from your phone.

New here? `exponential demo` shows everything with a simulated phone; nothing leaves this machine.

Ready? `exponential up` runs it with your own WhatsApp. Settings come from the environment or a `.env` file
(docs/settings.md lists them); with none at all it works on this machine.""",
)

Data = personal.Data
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]
ListenOn = Annotated[
    int | None, typer.Option("--listen-on", hidden=True, help="File descriptor of a listening socket.")
]


def main() -> None:
    """Entry point: errors that people can act on are one sentence and exit code 2 or 1."""
    for number in _endings():
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))  # with what is done at exit
    try:
        app()
    except ConfigurationError as error:
        sys.exit(_say(error, 2))
    except ExponentialError as error:
        sys.exit(_say(error, 1))


@app.command()
def up(data: Data = None) -> None:
    """Run everything with real WhatsApp: database, gateway and web app. Prints the link to open.

    Needs nothing else: the database and the secrets are made in the data directory the first time.
    """
    _run(_up(data))


@app.command()
def demo(
    data: Data = None,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="Do the newcomer's walk without a person and print one JSON object.")
    ] = False,
    port: Annotated[int, typer.Option(help="The web app's port; 0 takes a free one.")] = 0,
) -> None:
    """Try everything with a simulated WhatsApp and simulated phones on this machine. Prints the link to open.

    Data is temporary unless --data DIR says where to keep it: then the phones, their chats and the links to them are
    there again after a restart, too.
    """
    os.environ.setdefault("EXPONENTIAL_LOG_LEVEL", "warning")
    from exponential.cli import demo as demonstration
    from exponential.core import log

    log.configure("warning", service="demo")
    if exercise:
        report = _run(demonstration.exercise(data))
        typer.echo(report.json())
        raise typer.Exit(0 if report.ok else 1)
    _run(_demo(data, port))


@app.command("app")
def app_service(data: Data = None, with_parent: WithParent = False, listen_on: ListenOn = None) -> None:
    """Run the web app alone: pages and Paddy. It finds the gateway by WHATSAPP_GATEWAY_URL."""
    from exponential.app import service
    from exponential.cli import installation
    from exponential.core import memory_protection

    _watch_parent(with_parent)
    memory_protection.protect_memory()
    service.serve(installation.app_settings(data), _listener(listen_on))


@app.command()
def gateway(data: Data = None, with_parent: WithParent = False, listen_on: ListenOn = None) -> None:
    """Run the WhatsApp gateway alone. It hands messages to the app at EXPONENTIAL_APP_URL."""
    from exponential.cli import installation
    from exponential.core import log, memory_protection
    from exponential.gateway import service

    _watch_parent(with_parent)
    memory_protection.protect_memory()
    settings = installation.gateway_settings(data)
    log.configure(settings.log_level, service="gateway")
    service.serve(settings, _listener(listen_on))


@app.command()
def loopback(
    port: Annotated[int, typer.Option(help="The control URL's port on 127.0.0.1; 0 takes a free one.")] = 0,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Keep phones, links, chats and keys here over restarts."),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario", metavar="FILE", help="Play this scenario: a TOML file, or the name of a shipped one."
        ),
    ] = None,
) -> None:
    """Run a simulated WhatsApp alone, for tests of a gateway: this one's or another's.

    Nothing is kept unless --state DIR says where. Started again with the same folder it is the same server (only its
    ports are others): phones and links are there, and so is what waits. A kill loses nothing that was answered.

    With --scenario it makes the file's phones, waits until you have linked a device, sends, breaks and checks what the
    file says, prints {"played": FILE} and goes on running; exit code 1 and one sentence when something came otherwise.
    Shipped: banned, deaf, flaky-network, outdated-client, replaced-elsewhere, restart-in-a-burst (docs/loopback.md).

    Prints one JSON line, {"proxy_url", "ca_path", "noise_root", "control_url"}, and runs until it is stopped.
    A client reaches it through that HTTP proxy, trusting that CA file and that Noise root key (hex).
    The control URL makes phones and does with them what a person would.

    Example, with this gateway (docs/loopback.md lists all of the control URL):

    ```
    exponential loopback > whatsapp.json & until [ -s whatsapp.json ]; do sleep 0.1; done
    get() { python3 -c "import json; print(json.load(open('whatsapp.json'))['$1'])"; }

    export WHATSAPP_MODE=loopback WHATSAPP_PROXY_URL=$(get proxy_url)
    export WHATSAPP_LOOPBACK_CA=$(get ca_path) WHATSAPP_LOOPBACK_NOISE_ROOT=$(get noise_root)
    exponential gateway &

    PHONES=$(get control_url)/api/phones AUTH="Authorization: Bearer $(exponential token --user me)"
    curl -X POST $PHONES --json '{"number": "+4915110000001", "name": "Alice"}'
    curl -X POST -H "$AUTH" http://127.0.0.1:8421/login                          # {"sessionId": "…"}
    curl -H "$AUTH" http://127.0.0.1:8421/login/SESSION/qr > code.png
    curl -F picture=@code.png $PHONES/+4915110000001/photo                       # linked
    curl $PHONES/+4915110000001/messages --json '{"to": "me", "text": "hello"}'  # the gateway hears it
    ```
    """
    from exponential.core import log

    log.configure("warning", service="loopback")
    _run(_loopback(port, state, scenario))


@app.command()
def link(
    user: Annotated[
        str | None, typer.Option("--user", metavar="EMAIL", help="Somebody else's account, who forgot the password.")
    ] = None,
    data: Data = None,
) -> None:
    """Print a fresh one-time link that signs you in to the web app."""
    from exponential.cli import installation

    typer.echo(_run(installation.sign_in_link(installation.app_settings(data), user)))


@app.command()
def token(
    user: Annotated[str, typer.Option("--user", metavar="ID", help="The user that the token speaks for.")],
    data: Data = None,
) -> None:
    """Print a JWT for the gateway's HTTP API, valid for one hour. For operators and scripts.

    Example: curl -H "Authorization: Bearer $(exponential token --user me)" http://127.0.0.1:8421/sessions
    """
    from exponential.auth import service_tokens
    from exponential.core.settings import GatewaySettings, read, with_auth_secret

    settings = with_auth_secret(read(GatewaySettings, **({"data_dir": data} if data else {})))
    typer.echo(service_tokens.issue(service_tokens.Identity(user), secret=settings.auth_secret))


@app.command()
def retry(
    session: Annotated[
        UUID | None, typer.Option("--session", metavar="ID", help="Only this session's; else all of them.")
    ] = None,
    data: Data = None,
) -> None:
    """Hand messages to the app again that were set aside because it couldn't take them. Prints how many.

    The gateway does it at once, or as soon as it runs.
    """
    from exponential.cli import installation
    from exponential.gateway.messages import dead_letters

    count = _run(dead_letters.retry(installation.gateway_settings(data), session))
    typer.echo(f"{count} message{'' if count == 1 else 's'} will be handed over again.")


@app.command("rotate-key")
def rotate_key(data: Data = None) -> None:
    """Encrypt everything anew with the newest key, so that an older one can be thrown away.

    1. Make a key (`openssl rand -base64 32`) and put it in front of the others in EXPONENTIAL_ENCRYPTION_KEY (or in the
       data directory's `encryption-key`), separated by a comma: the first one encrypts, all of them decrypt.
    2. Restart the app and all gateways with it. Linked sessions come back by themselves, their credentials encrypted
       with the new key.
    3. Run this: it does the rest, in the databases. It may be interrupted and run again, while everything runs.
    4. When it says that nothing needs the older keys any more, remove them, and restart.

    Exit code 1: something still needs an older key; the message says what.
    """
    raise typer.Exit(_run(_rotate_key(data)))


@app.command()
def ask(
    text: Annotated[str | None, typer.Argument(help="What to say to Paddy.")] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read one request a line; one conversation.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help='One object per request: {"reply", "tools": [{"name", "args", "result"}]}.')
    ] = False,
    data: Data = None,
) -> None:
    """Talk to Paddy here, as the local user, in the same conversation as on WhatsApp and the web.

    Example: exponential ask "Add a task: buy milk tomorrow"
    """
    from exponential.cli import ask as terminal

    if bool(text) == stdin:
        raise typer.BadParameter('say something, e.g. exponential ask "What are my tasks?", or use --stdin')
    requests = (line.strip() for line in sys.stdin) if stdin else iter([text or ""])
    os.environ.setdefault("EXPONENTIAL_LOG_LEVEL", "error")
    raise typer.Exit(_run(terminal.ask(data, (line for line in requests if line), as_json=as_json)))


personal.add_to(app)
app.add_typer(admin.users, name="users")


async def _up(data: Path | None) -> None:
    from exponential.cli import installation
    from exponential.core import log

    place = await asyncio.to_thread(installation.installation, data)
    log.configure(place.app.log_level, service="up")
    async with installation.running(place) as services:
        typer.echo("\nExponential is running. Open this link to sign in (it works once, within an hour):\n")
        typer.echo(f"  {await installation.sign_in_link(services.place.app)}\n")
        typer.echo(f"Data: {place.app.data_dir} · `exponential link` prints another link · Ctrl+C stops.\n")
        await services.until_refused()


async def _demo(data: Path | None, port: int) -> None:
    from exponential.cli import demo as demonstration

    async with demonstration.running(data, port=port) as running:
        typer.echo("\nThe demo is running with a simulated WhatsApp: nothing leaves this machine. Open this link:\n")
        typer.echo(f"  {running.link}\n")
        typer.echo("Ctrl+C stops it.\n")
        await running.services.until_refused()


async def _loopback(port: int, state: Path | None, scenario: str | None) -> None:
    from exponential.loopback.control import application
    from exponential.loopback.scenarios.scenario import find, load
    from exponential.loopback.server.server import Loopback

    if scenario:
        load(find(scenario))  # what is wrong with it is said before anything starts
    async with Loopback(state) as whatsapp, application.serving(whatsapp, port) as url:
        typer.echo(json.dumps({**application.description(whatsapp), "control_url": url}))
        if scenario:
            await whatsapp.play(scenario)
            typer.echo(json.dumps({"played": scenario}))
        await asyncio.Event().wait()


async def _rotate_key(data: Path | None) -> int:
    from exponential.cli import installation, key_rotation

    outcome = await key_rotation.rotate_installation(await asyncio.to_thread(installation.installation, data))
    typer.echo(outcome.sentence())
    return 0 if outcome.is_complete else 1


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run `work` to its end, or until a signal cancels it."""

    async def cancellable() -> Any:
        async with _signals():
            return await work

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise typer.Exit(0) from None


@contextlib.asynccontextmanager
async def _signals() -> AsyncIterator[None]:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGINT, *_endings()):
        loop.add_signal_handler(number, task.cancel)
    yield


def _endings() -> list[signal.Signals]:
    """The signals that ask to end, from a supervisor or a terminal that is closed, but for those that are ignored
    (nohup)."""
    return [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]


def _listener(fd: int | None) -> socket.socket | None:
    return None if fd is None else socket.socket(fileno=fd)


def _watch_parent(wanted: bool) -> None:
    """End when the process that started us is gone, so that a killed `up` leaves nothing behind."""
    if not wanted:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="watch-parent").start()


def _say(error: ExponentialError, code: int) -> int:
    personal.say(str(error), err=True)
    return code

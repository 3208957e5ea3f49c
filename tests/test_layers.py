"""Imports point one way (docs/architecture.md): each part sees only what is listed for it here."""

import ast
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from subprocess import check_output

import pytest

PACKAGE = Path(__file__).parent.parent / "exponential"
# What each part may import, besides itself. What is under a part named here is that part's.
SEES = {
    "core": set(),
    "protocol": {"core"},
    "auth": {"core"},
    "workspace": {"core", "auth"},
    "assistant": {"core", "auth", "workspace", "gateway.client", "gateway.schema", "gateway.reply_prefix"},
    "app": {"core", "auth", "workspace", "assistant", "gateway.client", "gateway.schema"},
    "gateway": {"core", "auth", "protocol"},
    "loopback": {"core", "protocol"},
    "migrations": {"core"},
    "cli": {"core", "auth", "workspace", "assistant", "app", "gateway", "loopback"},
    "__main__": {"cli"},
}
# Inside the parts: what a room may import of its own part, besides itself.
INNER = {
    "app.core": set(),  # what every page stands on knows no page
    "app.chat": {"app.core"},
    "app.workspace": {"app.core"},
    "app.sign_in": {"app.core"},
    "app.api": {"app.core"},
    "app.whatsapp": {"app.core", "app.settings"},
    "workspace.text": set(),
    "assistant.offline": {"assistant.prompts", "assistant.tools"},
    "assistant.llm": {"assistant.offline", "assistant.context", "assistant.prompts", "assistant.tables"},
    "assistant.files": {"assistant.prompts", "assistant.tables", "assistant.timing"},
    "gateway.client": {"gateway.schema", "gateway.reply_prefix"},
    "gateway.schema": set(),
    "gateway.reply_prefix": set(),
    "gateway.worker.protocol": set(),
    "gateway.worker.workarounds": set(),
}
# Who of assistant and app may name WhatsApp, its JIDs and its gateway: its channel, its window, and what puts them in.
NAMES_WHATSAPP = {
    "assistant.channels.whatsapp",
    "assistant.channels.gateway_mode",
    "assistant.channels.registry",
    "app.whatsapp",
    "app.api.inbound",
    "app.service",
}
# Who may touch the client library: its client and what that works around, the loopback trust switch (it patches the
# loaded library), and the protocol's protobufs.
NEONIZE = {
    "gateway/worker/neonize_client.py",
    "gateway/worker/workarounds/native_client.py",
    "gateway/worker/loopback_trust.py",
    "protocol/protobufs.py",
}
# Rooms with more modules than a reader can hold in mind, and why they may.
LARGE = {
    "migrations/app": "one module for each change of the database",
}
MOST_MODULES = 14
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
MODULES = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that `path` imports, those inside functions and for types alone included."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    """The modules of the package that `path` imports, without "exponential."."""
    inside = {name.removeprefix("exponential.") for name in imports(path) if name.startswith("exponential.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in inside}


IMPORTS = {module: ours(path) - {module} for module, path in MODULES.items()}


def within(module: str, rooms: set[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    part = module.partition(".")[0]
    if part == "__init__":
        return
    assert part in SEES, f"exponential/{part} is a new part: say here, and in docs/architecture.md, what it may import"
    wrong = sorted(name for name in IMPORTS[module] if not within(name, SEES[part] | {part}))
    assert not wrong, f"{module} imports {', '.join(wrong)}"


@pytest.mark.parametrize("room", INNER)
def test_rooms_of_a_part_keep_to_theirs(room: str) -> None:
    part = room.partition(".")[0]
    for module in MODULES:
        if within(module, {room}):
            wrong = [
                name for name in IMPORTS[module] if within(name, {part}) and not within(name, INNER[room] | {room})
            ]
            assert not wrong, f"{module} imports {', '.join(wrong)}"


def test_there_is_no_import_circle() -> None:
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(f"These import each other: {' → '.join(error.args[1])}")


def test_no_room_has_too_many_modules() -> None:
    rooms: dict[str, int] = {}
    for path in FILES:
        if path.name != "__init__.py":
            rooms[str(path.parent)] = rooms.get(str(path.parent), 0) + 1
    assert {room for room, modules in rooms.items() if modules > MOST_MODULES} == set(LARGE)


@pytest.mark.parametrize("module", [module for module in MODULES if within(module, {"assistant", "app"})])
def test_only_its_channel_and_window_name_whatsapp(module: str) -> None:
    named = re.findall("whatsapp|jid|gateway", (PACKAGE / MODULES[module]).read_text(encoding="utf-8"), re.IGNORECASE)
    assert not named or within(module, NAMES_WHATSAPP), f"{module} names {', '.join(sorted(set(named)))}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_only_these_modules_import_the_whatsapp_client(path: Path) -> None:
    uses = any(name.split(".")[0] == "neonize" for name in imports(path))
    assert not uses or str(path) in NEONIZE


def test_a_normal_worker_cannot_reach_the_trust_switch() -> None:
    # The service asks it for a loopback worker's environment, in loopback mode only.
    assert [name for name in MODULES if "gateway.worker.loopback_trust" in IMPORTS[name]] == ["gateway.service"]


@pytest.mark.parametrize(
    "module",
    [
        "gateway.worker.main",
        "assistant.files.extraction",
        "assistant.files.local_transcription",
        "workspace.meetings.transcript_import",
    ],
)
def test_what_is_in_touch_with_strangers_knows_no_database(module: str) -> None:
    """Workers and sandboxes: processes of their own, which also begin sooner without."""
    program = f"import sys, exponential.{module}; print(*sys.modules)"
    loaded = check_output([sys.executable, "-c", program], text=True).split()
    assert f"exponential.{module}" in loaded
    assert not {"sqlalchemy", "psycopg", "fastapi", "exponential.core.database"} & set(loaded)

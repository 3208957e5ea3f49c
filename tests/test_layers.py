"""Imports point one way (docs/architecture.md): each part sees only what is listed for it here."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exponential"
BASE = set(
    "settings errors clock log database postgres_programs embedded encryption key_check ending libmagic listening memo"
    " memory_protection slots sandbox validation http dotenv".split()
)
TOP = {"launch", "terminal", "demo", "rotation", "personal", "admin", "cli", "__main__"}
SEES = {
    "auth": BASE,
    "workspace": BASE | {"auth"},
    "assistant": BASE | {"auth", "workspace", "gateway.client"},
    "app": BASE | {"auth", "workspace", "assistant", "gateway.client"},
    "gateway": BASE | {"auth", "protocol"},
    "protocol": BASE,
    "loopback": BASE | {"protocol"},
    "migrations": BASE,
    **{name: BASE for name in BASE},
    **{name: BASE | TOP | {"auth", "workspace", "assistant", "app", "gateway", "loopback"} for name in TOP},
}
# Who may touch the client library: the gateway's client, the loopback trust switch (it patches the loaded library), and
# the protocol's protobufs.
NEONIZE = {"gateway/whatsapp.py", "gateway/trust.py", "protocol/protobufs.py"}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that `path` imports, those inside functions included."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def allowed(part: str, module: str) -> bool:
    names = [name for name in SEES[part] | {part} if module == name or module.startswith(f"{name}.")]
    return bool(names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path: Path) -> None:
    part = path.parts[0].removesuffix(".py")
    if part == "__init__":
        return
    assert part in SEES, f"exponential/{part} is a new part: say here, and in docs/architecture.md, what it may import"
    inside = {name.removeprefix("exponential.") for name in imports(path) if name.startswith("exponential.")}
    wrong = sorted(module for module in inside if not allowed(part, module))
    assert not wrong, f"{path} imports {', '.join(wrong)}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_these_modules_import_the_whatsapp_client(path: Path) -> None:
    uses = any(name.split(".")[0] == "neonize" for name in imports(path))
    assert not uses or str(path) in NEONIZE


def test_a_normal_worker_cannot_reach_the_trust_switch() -> None:
    for path in MODULES:
        if any(name.startswith("exponential.gateway.trust") for name in imports(path)):
            # The service asks it for a loopback worker's environment, in loopback mode only.
            assert str(path) == "gateway/service.py"

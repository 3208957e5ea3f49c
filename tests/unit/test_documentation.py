"""What the documents list is what there is."""

import re
from pathlib import Path

from exponential.core.settings import AppSettings, GatewaySettings

ROOT = Path(__file__).parent.parent.parent


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    known = {
        str(field.validation_alias) for kind in (AppSettings, GatewaySettings) for field in kind.model_fields.values()
    }
    listed = set(
        re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert listed == known


def test_the_readme_names_the_commands_that_the_gate_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for line in ("uv run exponential demo", "uv run exponential up", "uv run pytest"):
        assert line in readme
    assert "uv run pytest" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_file_that_the_documents_link_to_exists() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"

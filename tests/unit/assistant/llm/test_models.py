import pytest

from exponential.assistant.llm import models
from exponential.core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_no_name_means_offline() -> None:
    assert models.choose("").model_name == "offline"


def test_a_compatible_server_by_url() -> None:
    model = models.choose("http://127.0.0.1:11434/v1#qwen3:8b")
    assert model.model_name == "qwen3:8b"
    assert model.base_url == "http://127.0.0.1:11434/v1/"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("openai:gpt-5", "OPENAI_API_KEY"),
        ("gpt", "Unknown model"),
        ("nobody:nothing", "Unknown model"),
        ("http://127.0.0.1:11434/v1", "after a #"),
        ("https://", "after a #"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        models.choose(name)
    assert "\n" not in str(caught.value) and "EXPONENTIAL_MODEL" in str(caught.value)

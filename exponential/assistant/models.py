"""Which language model Paddy thinks with: EXPONENTIAL_MODEL → a pydantic-ai model, or the offline one."""

import os
import re

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model

from exponential.errors import ConfigurationError

_URL = re.compile(r"(?P<base>https?://[^#\s]+)#(?P<name>\S+)")


def choose(name: str) -> Model:
    """The model that `name` stands for: "" is the offline model, "http(s)://host/v1#name" an OpenAI-compatible server
    (key in OPENAI_API_KEY, if it needs one), all else is pydantic-ai's "provider:model".

    Raises ConfigurationError in one sentence.
    """
    if not name:
        from exponential.assistant.offline import OfflineModel

        return OfflineModel()
    if name.startswith(("http://", "https://")):
        return _compatible(name)
    try:
        return infer_model(name)
    except UserError as error:
        raise ConfigurationError(f"EXPONENTIAL_MODEL={name} can't be used: {_sentence(error)}") from None
    except ImportError as error:
        raise ConfigurationError(f"EXPONENTIAL_MODEL={name} needs a library that is missing. {error}.") from None


def _compatible(url: str) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigurationError(
            "EXPONENTIAL_MODEL as a URL names its model after a #, for example http://localhost:11434/v1#qwen3."
        )
    key = os.environ.get("OPENAI_API_KEY") or "none"
    return OpenAIChatModel(match["name"], provider=OpenAIProvider(base_url=match["base"], api_key=key))


def _sentence(error: Exception) -> str:
    return str(error).split(". ")[0].split("\n")[0].replace("`", "").rstrip(".") + "."

"""Which language model Paddy thinks with: EXPONENTIAL_MODEL → a pydantic-ai model, or the offline one."""

import os
import re

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model

from exponential.assistant.offline import OfflineModel
from exponential.core.errors import ConfigurationError

_URL = re.compile(r"(?P<base>https?://[^#\s]+)#(?P<name>\S+)")


def choose(name: str) -> Model:
    """The model that `name` stands for: "" is the offline model, "http(s)://host/v1#name" an OpenAI-compatible server
    (key in OPENAI_API_KEY, if it needs one), all else is pydantic-ai's "provider:model".

    Raises ConfigurationError in one sentence.
    """
    if not name:
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
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    match = _URL.fullmatch(url)
    if match is None:
        raise ConfigurationError(
            "EXPONENTIAL_MODEL as a URL names its model after a #, for example http://localhost:11434/v1#qwen3."
        )
    key = os.environ.get("OPENAI_API_KEY") or "none"
    # An answer that was cut off must not pass for a whole one; servers that never say how it ended answer as a whole.
    profile = OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True)
    provider = OpenAIProvider(base_url=match["base"], api_key=key)
    return OpenAIChatModel(match["name"], provider=provider, profile=profile)


def _sentence(error: Exception) -> str:
    return str(error).split(". ")[0].split("\n")[0].replace("`", "").rstrip(".") + "."

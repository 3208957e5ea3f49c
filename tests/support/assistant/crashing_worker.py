"""A process of Paddy's that gets as far as it is told and then hangs, so that a test can kill it there.

Arguments: database URL, encryption key (hex), how many steps to take: 1 hangs in the first model request, 2 in the one
after the tool, 3 in the tool itself, before it commits. It prints "hanging" when it is there.
"""

import asyncio
import sys

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from exponential.assistant.offline import OfflineModel
from exponential.assistant.runtime import Runtime
from exponential.assistant.timing import Timing
from exponential.core import encryption
from exponential.core.database import Database
from exponential.core.settings import AppSettings
from exponential.workspace import tasks

url, key, where = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])


async def hang() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(3600)


class HangingModel(OfflineModel):
    requests = 0

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        self.requests += 1
        if self.requests == where:
            await hang()
        return await super().request(messages, model_settings, model_request_parameters)


async def main() -> None:
    encryption.use_keys((key,))
    if where == 3:
        create_task = tasks.create_task

        async def create_and_hang(*args: object, **kwargs: object) -> tasks.Task:
            task = await create_task(*args, **kwargs)  # type: ignore[arg-type]
            await hang()
            return task

        tasks.create_task = create_and_hang
    settings, timing = AppSettings(_env_file=None), Timing(stalled=2.0)
    async with Runtime(Database(url), settings, model=HangingModel(), timing=timing):
        await asyncio.sleep(3600)


asyncio.run(main())

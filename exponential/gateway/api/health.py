"""How the gateway itself is doing."""

from fastapi import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from exponential.core.http.routes import Router
from exponential.gateway import schema
from exponential.gateway.health import Health

router = Router()


@router.get("/health")
async def health(request: Request) -> schema.Health:
    return schema.Health(ok=True, mode=request.app.state.settings.mode)


@router.get("/ready")
async def ready(request: Request) -> Response:
    state: Health = request.app.state.health
    reasons = await state.problems()
    if not reasons:
        return JSONResponse({"ready": True})
    return JSONResponse({"error": " ".join(reasons), "code": "not_ready", "reasons": reasons}, 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    state: Health = request.app.state.health
    return PlainTextResponse(await state.metrics(), media_type="text/plain; version=0.0.4")

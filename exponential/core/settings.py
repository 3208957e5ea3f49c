"""Environment (and `.env`) → one frozen Settings object per service, read once, with bad values named.

docs/settings.md is the table of them all; a test keeps it complete.
"""

import base64
import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import platformdirs
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from exponential.core import dotenv
from exponential.core.errors import ConfigurationError

_KEY_FILE = "encryption-key"
MIN_SECRET = 32  # characters; RFC 7518 §3.2: an HS256 key is at least as long as the hash, 256 bits


def default_data_dir() -> Path:
    """Where data lives when nobody says: never below root's home, which embedded Postgres can't enter."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/exponential")
    return Path(platformdirs.user_data_dir("exponential"))


def make_data_dir(folder: Path) -> None:
    """Make the data folder for its user alone. Others may pass through root's: the embedded Postgres must.

    Raises ConfigurationError.
    """
    with usable(folder):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711 if folder.stat().st_uid == 0 else 0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """What the system refuses inside, in the data folder, is a ConfigurationError."""
    try:
        yield
    except OSError as error:
        help_ = "Make room" if error.errno == errno.ENOSPC else "Let this user read and write it"
        raise ConfigurationError(
            f"The data folder {folder} can't be used ({error.strerror or error}). {help_}, or name another folder with "
            "--data or EXPONENTIAL_DATA."
        ) from None


class Settings(BaseSettings):
    """What both services share."""

    # Code gives settings by their fields' names (populate_by_name), and pydantic-settings then looks for these in the
    # environment, too. With the prefix, nobody's HOST, PORT or MODEL is taken for ours.
    model_config = SettingsConfigDict(env_prefix="EXPONENTIAL__", extra="ignore", frozen=True, populate_by_name=True)

    data_dir: Path = Field(default_factory=default_data_dir, validation_alias="EXPONENTIAL_DATA")
    environment: Literal["development", "production"] = Field("development", validation_alias="EXPONENTIAL_ENV")
    auth_secret: str = Field("", validation_alias="AUTH_SECRET", repr=False)
    encryption_keys: Annotated[tuple[bytes, ...], NoDecode] = Field(
        (), validation_alias="EXPONENTIAL_ENCRYPTION_KEY", repr=False
    )
    media_limit: int = Field(16, ge=0, le=64, validation_alias="EXPONENTIAL_MEDIA_LIMIT")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field((), validation_alias="EXPONENTIAL_TRUSTED_PROXIES")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", validation_alias="EXPONENTIAL_LOG_LEVEL")

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _decode_keys(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return _key_ring(value)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: Any) -> Any:
        return _proxies(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _strong_secret(self) -> "Settings":
        if self.auth_secret and len(self.auth_secret) < MIN_SECRET:
            raise ValueError(f"AUTH_SECRET is shorter than {MIN_SECRET} characters; `openssl rand -hex 32` makes one")
        if self.environment == "production" and not (self.auth_secret and self.encryption_keys):
            raise ValueError("in production AUTH_SECRET and EXPONENTIAL_ENCRYPTION_KEY must be set")
        return self


class AppSettings(Settings):
    """The app service: pages and Paddy."""

    database_url: str = Field("", validation_alias="DATABASE_URL", repr=False)
    host: str = Field("127.0.0.1", validation_alias="EXPONENTIAL_APP_HOST")
    port: int = Field(8420, ge=0, le=65535, validation_alias="EXPONENTIAL_APP_PORT")
    app_url: str = Field("", validation_alias="EXPONENTIAL_APP_URL")
    gateway_url: str = Field("", validation_alias="WHATSAPP_GATEWAY_URL")
    model: str = Field("", validation_alias="EXPONENTIAL_MODEL")
    mcp_servers: Path | None = Field(None, validation_alias="EXPONENTIAL_MCP_SERVERS")
    transcription_url: str = Field("", validation_alias="EXPONENTIAL_TRANSCRIPTION_URL")
    transcription_key: str = Field("", validation_alias="EXPONENTIAL_TRANSCRIPTION_KEY", repr=False)
    model_timeout: float = Field(60, gt=0, validation_alias="EXPONENTIAL_MODEL_TIMEOUT")
    model_retries: int = Field(2, ge=0, le=10, validation_alias="EXPONENTIAL_MODEL_RETRIES")
    model_prices: Annotated[tuple[Decimal, Decimal] | None, NoDecode] = Field(
        None, validation_alias="EXPONENTIAL_MODEL_PRICES"
    )
    daily_tokens: int = Field(0, ge=0, validation_alias="EXPONENTIAL_DAILY_TOKENS")
    retention_days: int = Field(0, ge=0, validation_alias="EXPONENTIAL_RETENTION_DAYS")
    oidc_issuer: str = Field("", validation_alias="EXPONENTIAL_OIDC_ISSUER")
    oidc_client_id: str = Field("", validation_alias="EXPONENTIAL_OIDC_CLIENT_ID")
    oidc_client_secret: str = Field("", validation_alias="EXPONENTIAL_OIDC_CLIENT_SECRET", repr=False)

    @field_validator("model_prices", mode="before")
    @classmethod
    def _two_prices(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            read, written = (Decimal(part.strip()) for part in value.split("/"))
        except (ArithmeticError, ValueError):
            read = written = Decimal(-1)
        if not (read.is_finite() and written.is_finite() and read >= 0 and written >= 0):
            raise ValueError("it takes two prices in US dollars for a million tokens, read and written: 2.50/10")
        return read, written

    @model_validator(mode="after")
    def _provider_is_whole(self) -> "AppSettings":
        given = (self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)
        if any(given) and not all(given):
            raise ValueError(
                "EXPONENTIAL_OIDC_ISSUER, EXPONENTIAL_OIDC_CLIENT_ID and EXPONENTIAL_OIDC_CLIENT_SECRET belong together"
            )
        return self


class GatewaySettings(Settings):
    """The gateway service: sessions and messages."""

    database_url: str = Field("", validation_alias="GATEWAY_DATABASE_URL", repr=False)
    host: str = Field("127.0.0.1", validation_alias="WHATSAPP_GATEWAY_HOST")
    port: int = Field(8421, ge=0, le=65535, validation_alias="WHATSAPP_GATEWAY_PORT")
    app_url: str = Field("", validation_alias="EXPONENTIAL_APP_URL")
    max_sessions: int = Field(50, ge=1, validation_alias="WHATSAPP_MAX_SESSIONS")
    max_sessions_per_user: int = Field(10, ge=1, validation_alias="WHATSAPP_MAX_SESSIONS_PER_USER")
    sessions_per_worker: int = Field(50, ge=1, validation_alias="WHATSAPP_SESSIONS_PER_WORKER")
    proxy_url: str = Field("", validation_alias="WHATSAPP_PROXY_URL", repr=False)
    spool_fsync: Literal["off", "interval", "always"] = Field("always", validation_alias="WHATSAPP_SPOOL_FSYNC")
    spool_limit: int = Field(64, ge=1, validation_alias="WHATSAPP_SPOOL_LIMIT")
    park_after: float = Field(72, gt=0, validation_alias="WHATSAPP_PARK_AFTER")
    jwt_issuers: Annotated[tuple[str, ...], NoDecode] = Field(
        ("exponential", "todo-app"), validation_alias="WHATSAPP_GATEWAY_JWT_ISSUERS"
    )
    mode: Literal["whatsapp", "loopback"] = Field("whatsapp", validation_alias="WHATSAPP_MODE")
    linking: Literal["library", "own"] = Field("library", validation_alias="WHATSAPP_LINKING")
    contact_limit: int = Field(60, ge=1, validation_alias="WHATSAPP_CONTACT_MESSAGES_PER_HOUR")
    session_limit: int = Field(600, ge=1, validation_alias="WHATSAPP_CONTACTS_MESSAGES_PER_HOUR")
    contact_files: int = Field(100, ge=1, validation_alias="WHATSAPP_CONTACT_FILES_MB_PER_DAY")
    session_files: int = Field(1000, ge=1, validation_alias="WHATSAPP_CONTACTS_FILES_MB_PER_DAY")
    send_limit: int = Field(20, ge=1, validation_alias="WHATSAPP_SEND_PER_MINUTE")
    pause_minutes: float = Field(30, ge=0, validation_alias="WHATSAPP_PAUSE_MINUTES")
    loopback_ca: Path | None = Field(None, validation_alias="WHATSAPP_LOOPBACK_CA")
    loopback_noise_root: str = Field("", validation_alias="WHATSAPP_LOOPBACK_NOISE_ROOT")

    @field_validator("jwt_issuers", mode="before")
    @classmethod
    def _split_issuers(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _loopback_is_whole(self) -> "GatewaySettings":
        given = bool(self.loopback_ca or self.loopback_noise_root)
        if self.mode == "whatsapp" and given:
            raise ValueError("WHATSAPP_LOOPBACK_CA and WHATSAPP_LOOPBACK_NOISE_ROOT need WHATSAPP_MODE=loopback")
        if self.mode == "loopback":
            if not (self.loopback_ca and self.loopback_noise_root and self.proxy_url):
                raise ValueError(
                    "WHATSAPP_MODE=loopback needs WHATSAPP_LOOPBACK_CA, WHATSAPP_LOOPBACK_NOISE_ROOT and "
                    "WHATSAPP_PROXY_URL"
                )
            if self.environment == "production":
                raise ValueError("WHATSAPP_MODE=loopback is for tests and the demo, never for production")
        return self


S = TypeVar("S", bound="Settings")


def read(kind: type[S], **given: Any) -> S:
    """Read settings of `kind` from the environment; `given` (by field name) wins over it.

    Raises ConfigurationError naming each bad variable, or a `.env` that others can write.
    """
    written, environment = dotenv.values(), {name.upper() for name in os.environ}
    for name, field in kind.model_fields.items():
        alias = str(field.validation_alias)
        if alias in written and alias not in environment and name not in given:
            given.setdefault(alias, written[alias])
    try:
        return kind(**given)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            message = item["msg"].removeprefix("Value error, ")
            name = ".".join(str(part) for part in item["loc"])
            problems.append(f"{name}: {message}" if name else message)
        raise ConfigurationError("Settings are not right. " + "; ".join(problems) + ".") from None


def with_secrets(settings: S) -> S:
    """Fill in AUTH_SECRET and the encryption key: made once, kept 0600 in the data directory, never a default.

    For new data only: see `with_kept_keys` and key_check.verify.
    """
    settings = with_kept_keys(with_auth_secret(settings))
    if not settings.encryption_keys:
        _keep(settings.data_dir / _KEY_FILE, _new_key)
        settings = with_kept_keys(settings)
    return settings


def with_auth_secret(settings: S) -> S:
    """Fill in AUTH_SECRET, as `with_secrets` does."""
    if settings.auth_secret:
        return settings
    file = settings.data_dir / "auth-secret"
    secret = _keep(file, lambda: secrets.token_hex(32))
    if len(secret) < MIN_SECRET:
        raise ConfigurationError(
            f"The file {file} holds {len(secret)} characters; a secret has at least {MIN_SECRET}. Remove the file, and "
            "a new one is made."
        )
    return settings.model_copy(update={"auth_secret": secret})


def with_kept_keys(settings: S) -> S:
    """Fill in the encryption key from the data directory, if one is kept there. Raises ConfigurationError."""
    file = settings.data_dir / _KEY_FILE
    if settings.encryption_keys or not file.exists():
        return settings
    try:
        keys = _key_ring(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The file {file} is not right: {error}.") from None
    return settings.model_copy(update={"encryption_keys": keys})


def _proxies(text: str) -> tuple[str, ...]:
    proxies = tuple(part.strip() for part in text.split(",") if part.strip())
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError:
            raise ValueError("it takes addresses and networks, separated by commas: 127.0.0.1, 10.0.0.0/8") from None
    return proxies


def _key_ring(text: str) -> tuple[bytes, ...]:
    keys = tuple(base64.b64decode(part.strip(), validate=True) for part in text.split(",") if part.strip())
    if any(len(key) != 32 for key in keys):
        raise ValueError("each key must be 32 bytes in base64, separated by commas; the first one encrypts")
    return keys


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _keep(path: Path, make: Callable[[], str]) -> str:
    """Read `path`, or write it first with what `make` returns; when two processes race, the first one's stays.

    Raises ConfigurationError.
    """
    with usable(path.parent):
        if not path.exists():
            make_data_dir(path.parent)
            fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(make() + "\n")
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text(encoding="utf-8").strip()

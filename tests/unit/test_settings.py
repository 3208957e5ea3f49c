import os
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from exponential.errors import ConfigurationError
from exponential.settings import AppSettings, GatewaySettings, read, with_secrets


def test_a_bad_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="WHATSAPP_MAX_SESSIONS"):
        read(GatewaySettings, WHATSAPP_MAX_SESSIONS="many")


@pytest.mark.parametrize("kind", [AppSettings, GatewaySettings])
def test_names_without_our_prefix_are_somebody_elses(
    kind: type[AppSettings] | type[GatewaySettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PaaS sets HOST and PORT, a shell MODE, another program MODEL: none of them may open the app to the world."""
    plain = read(kind)
    for name, field in kind.model_fields.items():
        if field.validation_alias != name.upper():
            monkeypatch.setenv(name.upper(), "nonsense")
    assert read(kind) == plain
    assert read(kind, host="0.0.0.0").host == "0.0.0.0"


def test_settings_that_another_user_could_write_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name programs: whoever runs a command in somebody's folder would run theirs."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".env"
    file.write_text("EXPONENTIAL_MCP_SERVERS=/somewhere/servers.json\n", encoding="utf-8")
    assert read(AppSettings).mcp_servers == Path("/somewhere/servers.json")
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match=r"\.env in this folder"):
        read(AppSettings)
    file.chmod(0o644)
    if owner := file.stat().st_uid:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    else:
        os.chown(file, 1, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        read(AppSettings)


def test_a_short_secret_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError, match="AUTH_SECRET is shorter") as caught:
        read(AppSettings, auth_secret="hunter2")
    assert "hunter2" not in str(caught.value)


def test_trusted_proxies_are_addresses_and_networks() -> None:
    assert read(AppSettings).trusted_proxies == ()
    assert read(GatewaySettings, EXPONENTIAL_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8").trusted_proxies == (
        "127.0.0.1",
        "10.0.0.0/8",
    )
    for bad in ("*", "proxy.example.org", "10.0.0.0/99"):
        with pytest.raises(ConfigurationError, match="EXPONENTIAL_TRUSTED_PROXIES: it takes addresses"):
            read(AppSettings, EXPONENTIAL_TRUSTED_PROXIES=bad)


def test_production_wants_its_own_secrets() -> None:
    with pytest.raises(ConfigurationError, match="production"):
        read(AppSettings, environment="production")


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = with_secrets(read(AppSettings, data_dir=tmp_path))
    second = with_secrets(read(GatewaySettings, data_dir=tmp_path))
    assert len(first.auth_secret) == 64
    assert (first.auth_secret, first.encryption_keys) == (second.auth_secret, second.encryption_keys)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_loopback_trust_is_refused_outside_loopback_mode(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="need WHATSAPP_MODE=loopback"):
        read(GatewaySettings, loopback_ca=tmp_path / "ca.pem")
    with pytest.raises(ConfigurationError, match="never for production"):
        read(
            GatewaySettings,
            environment="production",
            auth_secret="x" * 32,
            encryption_keys=(b"k" * 32,),
            mode="loopback",
            loopback_ca=tmp_path / "ca.pem",
            loopback_noise_root="00" * 32,
            proxy_url="http://127.0.0.1:1",
        )


def test_prices_are_two_numbers() -> None:
    assert read(AppSettings, EXPONENTIAL_MODEL_PRICES="2.50/10").model_prices == (Decimal("2.50"), Decimal(10))
    assert read(AppSettings, EXPONENTIAL_MODEL_PRICES="").model_prices is None
    for bad in ("2.50", "a/b", "1/2/3", "-1/2", "nan/1"):
        with pytest.raises(ConfigurationError, match=r"2\.50/10"):
            read(AppSettings, EXPONENTIAL_MODEL_PRICES=bad)

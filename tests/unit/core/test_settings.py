import contextlib
import grp
import os
import pwd
import stat
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from exponential.core.errors import ConfigurationError
from exponential.core.settings import AppSettings, GatewaySettings, read, with_secrets


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


SERVERS = "EXPONENTIAL_MCP_SERVERS=/somewhere/servers.json\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a `.env` that names programs: whoever could write it could run theirs."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / ".env").write_text(SERVERS, encoding="utf-8")
    (tmp_path / ".env").chmod(0o644)
    return tmp_path


def test_a_dotenv_is_read_and_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(
        f"{SERVERS}export EXPONENTIAL_LOG_LEVEL='debug'\nexponential_app_port=9\nHOST=0.0.0.0\nWHATSAPP_PROXY_URL\n",
        encoding="utf-8",
    )
    settings = read(AppSettings)
    assert (settings.mcp_servers, settings.log_level, settings.port, settings.host) == (
        Path("/somewhere/servers.json"),
        "debug",
        9,
        "127.0.0.1",
    )
    assert read(GatewaySettings).proxy_url == ""
    monkeypatch.setenv("EXPONENTIAL_LOG_LEVEL", "error")
    assert read(AppSettings).log_level == "error"
    assert read(AppSettings, log_level="info", EXPONENTIAL_APP_PORT=7).port == 7
    (folder / ".env").write_text("EXPONENTIAL_APP_PORT=many\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="EXPONENTIAL_APP_PORT"):
        read(AppSettings)


def test_a_dotenv_may_be_a_link_or_a_pipe_and_a_folder_is_none(folder: Path) -> None:
    """A release's link to what releases share; a password manager's pipe; a virtual environment."""
    file = folder / ".env"
    file.rename(folder / "shared")
    file.symlink_to("shared")
    assert read(AppSettings).mcp_servers == Path("/somewhere/servers.json")
    file.unlink()
    os.mkfifo(file, 0o600)
    writing = threading.Thread(target=file.write_text, args=(SERVERS,))
    writing.start()
    assert read(AppSettings).mcp_servers == Path("/somewhere/servers.json")
    writing.join()
    file.unlink()
    file.mkdir()
    folder.chmod(0o777)
    assert read(AppSettings).mcp_servers is None


def test_a_dotenv_that_is_no_text_is_told(folder: Path) -> None:
    (folder / ".env").write_bytes(b"EXPONENTIAL_MODEL=\xff\n")
    with pytest.raises(ConfigurationError, match=r"\.env in this folder can't be read: it isn't in UTF-8"):
        read(AppSettings)


def _anothers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if owner := path.stat().st_uid:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    else:
        os.chown(path, 1, -1)


@pytest.mark.parametrize("name", [".env", "."])
def test_settings_that_another_user_could_write_are_not_read(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write to the folder may put another `.env` there; in /tmp, too, before there is one."""
    path = folder / name
    mode = path.stat().st_mode
    for others in (0o002, 0o1002):
        path.chmod(mode | others)
        with pytest.raises(ConfigurationError, match=r"\.env in this folder isn't read: .* may write"):
            read(AppSettings)
    path.chmod(mode)
    assert read(AppSettings).mcp_servers
    _anothers(path, monkeypatch)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        read(AppSettings)


@pytest.mark.parametrize("name", [".env", "."])
@pytest.mark.parametrize(
    ("group", "members", "private"),
    [("ada", (), True), ("ada", ("ada",), True), ("ada", ("ada", "bob"), False), ("users", (), False)],
)
def test_a_group_may_write_if_it_is_the_users_own(
    folder: Path, name: str, group: str, members: tuple[str, ...], private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With umask 002 all that somebody writes can be written by their group, which has nobody else in it."""
    path = folder / name
    path.chmod(path.stat().st_mode | stat.S_IWGRP)
    found = path.stat()
    known = pwd.struct_passwd(("ada", "x", found.st_uid, found.st_gid, "", "/home/ada", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", {found.st_uid: known}.__getitem__)
    monkeypatch.setattr(
        grp, "getgrgid", {found.st_gid: grp.struct_group((group, "x", found.st_gid, members))}.__getitem__
    )
    if private:
        assert read(AppSettings).mcp_servers
    else:
        with pytest.raises(ConfigurationError, match=r"may write.*chmod go-w"):
            read(AppSettings)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # as in a container
    with pytest.raises(ConfigurationError, match="may write"):
        read(AppSettings)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_dotenv_that_is_exchanged_meanwhile_is_not_read(folder: Path) -> None:
    """The file that is read is the one that was looked at."""
    evil = folder / "evil"
    evil.write_text("EXPONENTIAL_MCP_SERVERS=/evil.json\n", encoding="utf-8")
    os.chown(evil, 1, -1)
    (folder / ".env").rename(folder / "good")
    (folder / ".env").symlink_to("good")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            for target in ("evil", "good"):
                (folder / "next").symlink_to(target)
                (folder / "next").rename(folder / ".env")

    flipping = threading.Thread(target=flip)
    flipping.start()
    outcomes = set()
    for _ in range(3_000):
        with contextlib.suppress(ConfigurationError):
            outcomes.add(str(read(AppSettings).mcp_servers))
    stop.set()
    flipping.join()
    assert "/evil.json" not in outcomes


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

"""The file `.env` of the current folder, where only its user, or root, can have written it: settings name programs."""

import os
import stat

from dotenv import dotenv_values

from exponential.core.errors import ConfigurationError

NAME = ".env"
_UNREAD = f"The file {NAME} in this folder isn't read:"
_WHY = "Its settings could run programs as you."


def values() -> dict[str, str]:
    """What it sets, by names in capitals; nothing where there is no such file. It may be a link, or a pipe.

    Raises ConfigurationError when others can write to the file, or to the folder: they could put another one there.
    """
    try:
        if stat.S_ISDIR(os.stat(NAME).st_mode):
            return {}
    except OSError:
        return {}
    _check("the folder", os.stat("."), f"Keep {NAME} in a folder that you alone may write to, and start there")
    try:
        with open(NAME, encoding="utf-8") as file:
            _check("it", os.fstat(file.fileno()), "Make it yours (chown), and yours alone to write")
            found = dotenv_values(stream=file)
    except OSError as error:
        raise ConfigurationError(f"The file {NAME} in this folder can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"The file {NAME} in this folder can't be read: it isn't in UTF-8.") from None
    return {name.upper(): value for name, value in found.items() if value is not None}


def _check(what: str, found: os.stat_result, advice: str) -> None:
    """Raises ConfigurationError, which gives this `advice`, unless it is this user's or root's, and theirs to write."""
    if not hasattr(os, "geteuid"):  # Windows
        return
    if found.st_uid not in (0, os.geteuid()):
        problem = f"{what} belongs to another user"
    elif found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_own(found.st_gid)):
        problem = f"others may write to {what}"
    else:
        return
    raise ConfigurationError(f"{_UNREAD} {problem}. {_WHY} {advice} (chmod go-w).")


def _is_own(group_id: int) -> bool:
    """Whether it is this user's own group, or root's: of the same name, with nobody else in it, as with umask 002."""
    import grp  # not on Windows
    import pwd

    for user_id in (0, os.geteuid()):
        try:
            user, group = pwd.getpwuid(user_id), grp.getgrgid(group_id)
        except KeyError:
            continue
        if user.pw_gid == group_id and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}:
            return True
    return False

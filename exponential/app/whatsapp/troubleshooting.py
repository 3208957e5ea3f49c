"""Troubleshooting: what helps in each state of a WhatsApp session, by the gateway's word for it."""

_ONLINE_PHONE = "Check that the phone is switched on, online, and that WhatsApp opens there."
_ADMIN = "If it stays like this, contact whoever runs this installation; the gateway’s /ready page says what it lacks."
_LINK_AGAIN = "Choose Link again and scan the new code. Your tasks and conversations are kept."
_OTHER_DEVICES = "On the phone, look under Settings › Linked Devices for anything you don’t know, and log it out."

_BY_CODE = {
    "logged_out": (
        "It was logged out on the phone, or the phone had been offline for more than 14 days.",
        _LINK_AGAIN,
    ),
    "taken_over": (
        "Only the newest link of a phone is kept here. If you linked it with another account of yours, all is well.",
        _OTHER_DEVICES,
    ),
    "replaced": (
        "Another program uses the same linked device. Stop it; two at once are not possible.",
        "Choose Link again. It needs no scan while the credentials are good.",
    ),
    "banned": (
        "Open WhatsApp on the phone: it says how long, and how to ask for a review.",
        "Do not link again before that: more attempts can make it longer.",
        "Afterwards choose Link again. A separate account for Paddy is safer.",
    ),
    "account_banned": (
        "Open WhatsApp on the phone and ask for a review there.",
        "Remove this session, and link another account if you like.",
    ),
    "account_locked": (
        "Open WhatsApp on the phone and confirm your number there.",
        _LINK_AGAIN,
    ),
    "outdated": (
        "Whoever runs this installation has to update Exponential; then choose Link again.",
        "Your link and your data are kept until then.",
    ),
    "refused": (
        "Open WhatsApp on the phone and look for a notice about linked devices.",
        "Wait some minutes, then choose Link again.",
    ),
    "locked": (
        "Whoever runs this installation has to add the missing key to EXPONENTIAL_ENCRYPTION_KEY and start the gateway "
        "again.",
        "Then choose Link again: no scan is needed.",
    ),
    "damaged": (
        "Remove this account here and link it again with a new code. Your tasks and conversations are kept.",
        "Tell whoever runs this installation: its database was damaged, or somebody wrote to it.",
        _OTHER_DEVICES,
    ),
    "passkey_expired": (
        "Have the passkey at hand before you start over: in this browser, or on a phone near by with Bluetooth on.",
        "Then get a new code, scan it, and confirm while the time runs.",
    ),
    "passkey_broken": ("Get a new code and scan it; the account's passkey is asked for again.",),
    "passkey_silent": (
        "Keep WhatsApp open on the phone until the window says that it is connected.",
        "Then get a new code, scan it, and confirm once more.",
    ),
    "passkey_refused": (
        "Start over, and choose the passkey of the same account that scans the code.",
        "On the phone, look under Settings › Account › Passkeys whether there is one, and make a new one if need be.",
    ),
    "phone_outdated": ("Update WhatsApp on the phone from its app store.", "Then try again with a new code."),
    "pairing_failed": (
        "Try again with a new code.",
        "On the phone, look under Settings › Linked Devices: an account can have four. Log one out if it is full.",
    ),
    "not_scanned": (
        "Codes change every few seconds. On the phone go to Settings › Linked Devices › Link a Device; then get a "
        "new one.",
        "If the phone’s camera can’t read the code, link with a phone number instead.",
    ),
}
_BY_STATUS = {
    "connected": (
        "Write in “Message yourself”, not in another chat: with “Only me” Paddy hears nobody else.",
        _ONLINE_PHONE,
        "If there is still no answer, disconnect and link again; then look at the phone under Linked Devices.",
    ),
    "reconnecting": (
        _ONLINE_PHONE,
        "Nothing is lost: messages wait, and the connection comes back by itself.",
        _ADMIN,
    ),
    "pending": (
        "Close this window and open it again, or get a new code.",
        "Check that the gateway runs and can reach WhatsApp.",
        _ADMIN,
    ),
    "expired": _BY_CODE["not_scanned"],
    "disconnected": (_LINK_AGAIN,),
    "error": ("Choose Link again, or remove this session and link anew.", _ONLINE_PHONE, _ADMIN),
}


def advice(status: str, code: str | None) -> tuple[str, ...]:
    """What to do, in sentences, the likeliest first."""
    return _BY_CODE.get(code or "") or _BY_STATUS.get(status, _BY_STATUS["error"])

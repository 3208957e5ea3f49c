"""What the states of a session say to people: why it is so, and what to do."""

STARTING = "Asking WhatsApp for a QR code."
SCAN = "Scan the QR code with the phone: Settings, Linked Devices, Link a Device."
PASSKEY_SCAN = "This account uses a passkey, so linking takes one step more. Scan this new code with the phone."
PASSKEY_ASKED = "WhatsApp asks for this account's passkey. Confirm with it to go on."
PASSKEY_SENT = "WhatsApp has the passkey's answer. Keep WhatsApp open on the phone."
PASSKEY_COMPARE = "Compare the code shown here with the one on the phone, and confirm that they are the same."
CONFIRMED = "The phone has confirmed. Logging in at WhatsApp for the first time."
ONLINE = "Linked and online."
RESUMING = "The gateway has started and is connecting to WhatsApp."
HANGS = "The connection to WhatsApp hangs; connecting anew."
RESTARTING = "WhatsApp asked for a new connection; reconnecting."
NOBODY_SCANNED = "No one scanned a QR code, or WhatsApp couldn't be reached. Ask for a new one."
REMOVING = "This session was disconnected; its device is being unlinked on the phone."
TAKEN_OVER = (
    "This phone was linked again by another user of this server, and only the newest link of a phone is kept. "
    "If that was not you, look at the phone's list of linked devices."
)

# Why a session ended → (status, whether the credentials are void, reason for people).
ENDINGS = {
    "logged_out": ("disconnected", True, "This device was unlinked on the phone. Connect again with a new QR code."),
    "replaced": (
        "error",
        False,
        "Another program took over this linked device's connection. Restart the session, or remove it and link again.",
    ),
    "banned": (
        "error",
        False,
        "WhatsApp has banned this account for now. Look at the phone for what it says and how long.",
    ),
    "account_locked": (
        "error",
        True,
        "WhatsApp has locked this account, or it was moved to another phone. Look at the phone, then link it again.",
    ),
    "account_banned": (
        "error",
        True,
        "WhatsApp has banned this account and logged out its devices. The phone says what can be done about it.",
    ),
    "outdated": ("error", False, "WhatsApp no longer accepts this version of its client. The gateway needs an update."),
    "refused": (
        "error",
        False,
        "WhatsApp refused the connection. Look at the phone for a notice about linked devices.",
    ),
    "locked": (
        "error",
        False,
        "This session's credentials can't be opened: the key they were encrypted with is missing in "
        "EXPONENTIAL_ENCRYPTION_KEY. Have the gateway's owner add it to that list and start the gateway again; "
        "then restart this session.",
    ),
    "damaged": (
        "error",
        False,
        "This session's stored credentials were damaged, or somebody changed them, so they aren't used. Remove the "
        "session and link the phone again.",
    ),
}
VOID = frozenset(cause for cause, (_, void, _reason) in ENDINGS.items() if void)
# How linking can fail → (status, reason for people).
PAIRINGS = {
    "exhausted": ("expired", "No one scanned the QR codes in time. Ask for a new one."),
    "timeout": ("expired", "The connection to WhatsApp broke before a scan. Ask for a new QR code."),
    "passkey-expired": ("expired", "The passkey was not confirmed in time. Start over with a new code."),
    "passkey-broken": (
        "expired",
        "The connection to WhatsApp broke before the passkey was confirmed. Start over with a new code.",
    ),
    "passkey-silent": (
        "expired",
        "The passkey was confirmed, but the phone did not go on. Keep WhatsApp open there, and start over.",
    ),
    "passkey-refused": ("error", "WhatsApp did not accept the passkey's confirmation. Start over with a new code."),
    "passkey-unreadable": ("error", "WhatsApp asks for the passkey in a way that is new. The gateway needs an update."),
    "unknown-store": (
        "error",
        "This version of the WhatsApp client can't be used with passkeys. The gateway needs an update.",
    ),
    "err-client-outdated": ("error", ENDINGS["outdated"][2]),
    "err-scanned-without-multidevice": (
        "error",
        "The phone's WhatsApp is too old for linked devices. Update it, then try again.",
    ),
}
PAIRING_FAILED = ("error", "WhatsApp refused this link. Ask for a new QR code and scan again.")

# What a program can go by: the reason as a word that stays the same when the sentence is worded anew.
_CODES = {
    STARTING: "starting",
    SCAN: "scan",
    CONFIRMED: "logging_in",
    ONLINE: "online",
    RESUMING: "resuming",
    NOBODY_SCANNED: "not_scanned",
    TAKEN_OVER: "taken_over",
    **{reason: cause for cause, (_, _void, reason) in ENDINGS.items()},
    PAIRINGS["exhausted"][1]: "not_scanned",
    PAIRINGS["timeout"][1]: "not_scanned",
    PASSKEY_SCAN: "passkey_scan",
    PASSKEY_ASKED: "passkey_asked",
    PASSKEY_SENT: "passkey_sent",
    PASSKEY_COMPARE: "passkey_compare",
    PAIRINGS["passkey-expired"][1]: "passkey_expired",
    PAIRINGS["passkey-broken"][1]: "passkey_broken",
    PAIRINGS["passkey-silent"][1]: "passkey_silent",
    PAIRINGS["passkey-refused"][1]: "passkey_refused",
    PAIRINGS["passkey-unreadable"][1]: "outdated",
    PAIRINGS["unknown-store"][1]: "outdated",
    PAIRINGS["err-scanned-without-multidevice"][1]: "phone_outdated",
    PAIRING_FAILED[1]: "pairing_failed",
}


def code_of(reason: str) -> str | None:
    """The word for one of these sentences; None for what a worker said about its connection."""
    return _CODES.get(reason)

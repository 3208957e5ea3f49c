"""The device that is being linked: its keys, and what it tells WhatsApp of itself."""

import hashlib
import re
import secrets
from base64 import b64encode
from functools import cache
from pathlib import Path

from exponential.core.errors import ConfigurationError
from exponential.protocol.keys import KeyPair
from exponential.protocol.protobufs import ClientPayload, DeviceProps

KEY_TYPE = b"\x05"  # Curve25519 (libsignal's DjbType)
SIGNED_PRE_KEY_ID = 1
CLIENT_TYPE = "9"  # whatsmeow PairClientOtherWebClient: what it says for a platform type of DESKTOP
# `waVersion` in whatsmeow's store/clientpayload.go, three numbers of 32 bits of which the first two have long stood.
_VERSION = re.compile(rb"\x02\0\0\0\xb8\x0b\0\0(....)", re.DOTALL)
Version = tuple[int, int, int]


@cache
def library_version(library: Path) -> Version:
    """The version of WhatsApp Web that the client library names: one of our own would age unseen.

    Raises ConfigurationError when it isn't in the library's file exactly once.
    """
    found = {int.from_bytes(match[1], "little") for match in _VERSION.finditer(library.read_bytes())}
    numbers = [number for number in found if 1_000_000_000 < number < 2_000_000_000]
    if len(numbers) != 1:
        raise ConfigurationError(
            "The version of WhatsApp Web can't be read from the client library, so accounts that want a passkey can't "
            "be linked. Install the version of neonize that this release names."
        )
    return 2, 3000, numbers[0]


class NewDevice:
    """A device's own keys (whatsmeow store/sqlstore/container.go, NewDevice)."""

    def __init__(self) -> None:
        self.noise, self.identity, self.signed_pre_key = KeyPair(), KeyPair(), KeyPair()
        self.registration_id = secrets.randbits(32)
        self.signature = self.identity.sign(KEY_TYPE + self.signed_pre_key.public)
        self.adv_secret = secrets.token_bytes(32)

    def qr_code(self, ref: bytes) -> str:
        """What a QR code says (whatsmeow pair.go, makeQRData)."""
        keys = (b64encode(key).decode() for key in (self.noise.public, self.identity.public, self.adv_secret))
        return f"https://wa.me/settings/linked_devices#{','.join([ref.decode(), *keys, CLIENT_TYPE])}"

    def payload(self, version: Version, props: DeviceProps) -> bytes:
        """What it says when it registers (whatsmeow store/clientpayload.go, getRegistrationPayload)."""
        payload = ClientPayload(
            passive=False,
            pull=False,
            connectType=ClientPayload.WIFI_UNKNOWN,
            connectReason=ClientPayload.USER_ACTIVATED,
        )
        agent = payload.userAgent
        agent.platform, agent.releaseChannel = ClientPayload.UserAgent.WEB, ClientPayload.UserAgent.RELEASE
        agent.appVersion.primary, agent.appVersion.secondary, agent.appVersion.tertiary = version
        agent.mcc = agent.mnc = "000"
        agent.osVersion = agent.osBuildNumber = "0.1"
        agent.manufacturer, agent.device = "", "Desktop"
        agent.localeLanguageIso6391, agent.localeCountryIso31661Alpha2 = "en", "US"
        payload.webInfo.webSubPlatform = ClientPayload.WebInfo.WEB_BROWSER
        data = payload.devicePairingData
        data.eRegid = self.registration_id.to_bytes(4, "big")
        data.eKeytype, data.eIdent = KEY_TYPE, self.identity.public
        data.eSkeyID = SIGNED_PRE_KEY_ID.to_bytes(3, "big")
        data.eSkeyVal, data.eSkeySig = self.signed_pre_key.public, self.signature
        data.buildHash = hashlib.md5(".".join(map(str, version)).encode(), usedforsecurity=False).digest()
        data.deviceProps = device_props(props).SerializeToString()
        return bytes(payload.SerializeToString())


def device_props(own: DeviceProps) -> DeviceProps:
    """What this device says it can do: `own` over what whatsmeow says (store/clientpayload.go, DeviceProps)."""
    props = DeviceProps(os="whatsmeow", platformType=DeviceProps.UNKNOWN, requireFullSync=False)
    props.version.primary, props.version.secondary, props.version.tertiary = 0, 1, 0
    history = props.historySyncConfig
    history.storageQuotaMb, history.thumbnailSyncDaysLimit = 10240, 60
    for name in (
        "inlineInitialPayloadInE2EeMsg",
        "supportCallLogHistory",
        "supportBotUserAgentChatHistory",
        "supportCagReactionsAndPolls",
        "supportBizHostedMsg",
        "supportRecentSyncChunkMessageCountTuning",
        "supportHostedGroupMsg",
        "supportFbidBotChatHistory",
        "supportMessageAssociation",
        "supportGroupHistory",
        "supportManusHistory",
        "supportHatchHistory",
    ):
        setattr(history, name, True)
    props.MergeFromString(own.SerializeToString())  # neonize ships this class twice, in two versions
    return props

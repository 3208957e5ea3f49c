"""WhatsApp's protobuf messages, as neonize ships them."""

import exponential.protocol.libmagic  # noqa: F401  before neonize

# isort: split
from neonize.proto.waAdv.WAAdv_pb2 import (
    ADVDeviceIdentity,
    ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC,
)
from neonize.proto.waCert.WACert_pb2 import CertChain
from neonize.proto.waCommon.WACommon_pb2 import MessageKey
from neonize.proto.waCompanionReg.WACompanionReg_pb2 import (
    CompanionEphemeralIdentity,
    DeviceProps,
    EncryptedPairingRequest,
    PairingRequest,
    PrimaryEphemeralIdentity,
    ProloguePayload,
)
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import (
    ContextInfo,
    Message,
    PeerDataOperationRequestType,
    ProtocolMessage,
)
from neonize.proto.waWa6.WAWebProtobufsWa6_pb2 import ClientPayload, HandshakeMessage
from neonize.proto.waWeb.WAWebProtobufsWeb_pb2 import WebMessageInfo

__all__ = [
    "ADVDeviceIdentity",
    "ADVSignedDeviceIdentity",
    "ADVSignedDeviceIdentityHMAC",
    "CertChain",
    "ClientPayload",
    "CompanionEphemeralIdentity",
    "ContextInfo",
    "DeviceProps",
    "EncryptedPairingRequest",
    "HandshakeMessage",
    "Message",
    "MessageKey",
    "PairingRequest",
    "PeerDataOperationRequestType",
    "PrimaryEphemeralIdentity",
    "ProloguePayload",
    "ProtocolMessage",
    "WebMessageInfo",
]

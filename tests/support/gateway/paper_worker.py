"""A worker without WhatsApp: speaks the wire, keeps no client. For what the gateway does around a worker.

Its account is Ada's. A session is scanned when the file `scan-<session>` appears; a text says what happens to it.
"""

# ruff: noqa: E402
import os
import socket
import sys
import threading
import time
from pathlib import Path

sys.modules["rich"] = None  # type: ignore[assignment]  # or structlog imports it: two fifths of the time to start

from exponential.gateway.worker import protocol, spool
from exponential.gateway.worker.channel import Channel
from exponential.gateway.worker.process import REPLACE_EXIT_CODE
from exponential.gateway.worker.protocol import Account, Inbound

ADA = Account("4915112345678@s.whatsapp.net", "77001122@lid")


class PaperWorker:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.folders: dict[str, Path] = {}
        self.key = b""
        self.sent = 0
        self.leaving: dict[str, tuple[protocol.Send, str, Path]] = {}

    def run(self) -> None:
        self.channel.emit(protocol.Ready())
        while (command := self.channel.receive()) is not None:
            match command:
                case protocol.Configure(hexed):
                    self.key = bytes.fromhex(hexed)
                case protocol.Open(session, folder):
                    self.open(session, Path(folder))
                case protocol.SetPolicy(_, request):
                    self.channel.emit(protocol.Answer(request))
                case protocol.Close(session):
                    self.folders.pop(session, None)
                case protocol.Unlink(session, request) if (unreached := self.folders[session] / "unreached").exists():
                    unreached.unlink()
                    del self.folders[session]
                    self.channel.emit(protocol.Answer(request, "", "NotSent"))
                case protocol.Unlink(session, request):
                    (self.folders[session] / "linked").unlink()
                    self.channel.emit(protocol.Answer(request))
                case protocol.Typing(_, request):
                    self.channel.emit(protocol.Answer(request))
                case protocol.Send():
                    self.send(command, self.folders[command.session])
                case protocol.Leave(_, message):
                    self.leave(*self.leaving.pop(message))

    def open(self, session: str, folder: Path) -> None:
        self.folders[session] = folder
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "linked").exists():
            self.channel.emit(protocol.Online(session, ADA))
            if (folder / "arrived").exists():  # the phone has what was sent last, and says so now
                self.channel.emit(
                    protocol.Receipt(session, [(folder / "died").read_text(encoding="utf-8")], "delivered")
                )
        else:
            self.channel.emit(protocol.QrCode(session, f"https://wa.me/settings/linked_devices#{session}", 60))
            threading.Thread(target=self.wait_for_scan, args=(session,), daemon=True).start()

    def wait_for_scan(self, session: str) -> None:
        while (folder := self.folders.get(session)) and not (folder.parent / f"scan-{session}").exists():
            time.sleep(0.01)
        if folder:
            (folder / "linked").touch()
            self.channel.emit(protocol.Online(session, ADA))

    def send(self, command: protocol.Send, folder: Path) -> None:
        text = command.text
        with (folder.parent / "sent").open("a") as sent:
            sent.write(f"{command.chat} {text}\n")
        if text == "die while sending" and not (folder / "died").exists():
            (folder / "died").touch()
            os._exit(1)
        if text == "wear out" and not (folder / "died").exists():
            (folder / "died").touch()
            os._exit(REPLACE_EXIT_CODE)
        if text == "unknown once" and not (folder / "unknown").exists():
            (folder / "unknown").touch()
            self.channel.emit(protocol.Answer(command.request, "WhatsApp didn't answer.", "OutcomeUnknown"))
            return
        if text == "unknown often, refused once":
            times = (folder.parent / "sent").read_text(encoding="utf-8").count(text)
            if times <= 5:
                self.channel.emit(
                    protocol.Answer(command.request, "", "RequestRefused" if times == 5 else "OutcomeUnknown")
                )
                return
        if text == "refuse":
            self.channel.emit(protocol.Answer(command.request, "WhatsApp refused the message.", "RequestRefused"))
            return
        self.sent += 1
        whatsapp_id = f"ID-{os.getpid()}-{self.sent}"
        self.leaving[command.message] = command, whatsapp_id, folder
        self.channel.emit(protocol.Leaving(command.session, command.message, whatsapp_id))

    def leave(self, command: protocol.Send, whatsapp_id: str, folder: Path) -> None:
        text = command.text
        if text.startswith("die after leaving") and not (folder / "died").exists():
            (folder / "died").write_text(whatsapp_id, encoding="utf-8")
            os._exit(1)
        if text == "read at once":  # the receipt is faster than the answer
            self.channel.emit(protocol.Receipt(command.session, [whatsapp_id], "read"))
        self.channel.emit(protocol.Answer(command.request, whatsapp_id))
        if text.startswith("hear "):  # as if the owner had typed it on the phone
            message = Inbound(f"IN-{whatsapp_id}", ADA.lid, ADA.jid, "Ada", True, "text", text[5:], 1_700_000_000_000)
            spool.SpoolWriter(folder, self.key).append(message.to_bytes())
            self.channel.emit(protocol.Spooled(command.session))
        if text.startswith("end as "):
            self.channel.emit(protocol.Ended(command.session, text.removeprefix("end as ")))


if __name__ == "__main__":
    PaperWorker(Channel(socket.socket(fileno=int(sys.argv[1])))).run()
    os._exit(0)

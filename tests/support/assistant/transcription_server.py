"""A transcription server on loopback, as tests need it: it hears what a file says after "OggS ", or fails as told."""

import json
import re
import threading
import time
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TranscriptionServer:
    """`answers` are HTTP statuses for the next requests, before it works; `raw` replaces what it answers with."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.raw: bytes | None = None
        self.delay = 0.0  # seconds
        self.heard: list[dict[str, str]] = []
        stand = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                parts = list(BytesParser(policy=HTTP).parsebytes(head + body).iter_parts())
                fields = {
                    str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
                    for part in parts
                }
                file = next(part for part in parts if part.get_filename())
                stand.heard.append(
                    {
                        "path": self.path,
                        "key": self.headers.get("Authorization", ""),
                        "name": str(file.get_filename()),
                        "mime": file.get_content_type(),
                        "model": fields["model"].decode(),
                    }
                )
                time.sleep(stand.delay)
                status = stand.answers.pop(0) if stand.answers else 200
                said = re.sub(rb"^OggS ", b"", fields["file"]).decode()
                answer = stand.raw if stand.raw is not None else json.dumps({"text": said}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

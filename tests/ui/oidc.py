"""An OpenID Connect provider on this machine, for one test: it lets in whoever it is told to, without asking."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse


class Provider:
    """The authorisation code flow with signed identity tokens; `person` is who logs in next."""

    def __init__(self, port: int) -> None:
        from authlib.jose import JsonWebKey

        self.issuer = f"http://127.0.0.1:{port}"
        self.person = "anna"
        self.key = JsonWebKey.generate_key("RSA", 2048, {"kid": "one", "alg": "RS256", "use": "sig"}, is_private=True)
        self.codes: dict[str, dict[str, Any]] = {}

    def settings(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Return the address that the browser is sent back to."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = {"sub": self.person, "nonce": asked.get("nonce"), "aud": asked["client_id"]}
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def token(self, asked: dict[str, str]) -> dict[str, Any]:
        from authlib.jose import jwt

        now = int(time.time())
        said = self.codes.pop(asked["code"])
        claims = {**said, "iss": self.issuer, "iat": now, "exp": now + 600, "email": f"{said['sub']}@example.org"}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key).decode()
        return {"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": signed}


@contextmanager
def provider(port: int) -> Iterator[Provider]:
    """Serve a provider on a port of 127.0.0.1."""
    made = Provider(port)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlparse(self.path)
            asked = {name: values[0] for name, values in parse_qs(path.query).items()}
            if path.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", made.authorize(asked))
                self.end_headers()
            elif path.path == "/keys":
                self.reply({"keys": [made.key.as_dict(is_private=False)]})
            else:
                self.reply(made.settings())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.reply(made.token({name: values[0] for name, values in parse_qs(body).items()}))

        def reply(self, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()

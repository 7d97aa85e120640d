"""A sign-in service as strict as OpenID Connect 1.0, RFC 7636 and RFC 9207 ask, served over HTTP.

`amiss` bends one answer at a time: a client that takes it takes what it must refuse.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "thu-thu", "bí-mật-của-thử-nghiệm"
LASTS_S = 300


@dataclass
class Amiss:
    """What this service does wrong."""

    claims: dict[str, Any] = field(default_factory=dict)  # put in the token instead; None: left out
    algorithm: str = "RS256"
    foreign_key: bool = False  # signed by a key that is not published, under a published name
    state: str = ""
    iss: str = ""
    discovery_issuer: str = ""
    down: bool = False


@dataclass
class Service:
    """The service, and who signs in at it next."""

    back: str
    now: Callable[[], float]
    issuer: str = ""  # its own address, known once it listens
    subject: str = "u-17"
    email: str = "lan@thuvien.example"
    email_verified: Any = True
    amiss: Amiss = field(default_factory=Amiss)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    refused: list[str] = field(default_factory=list)

    def turn_keys(self) -> None:
        """Sign with a new key from now on, and publish it alone."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def down(request: Request, answer: Any) -> Response:
            return Response(status_code=503) if self.amiss.down else await answer(request)

        @app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, Any]:
            return {
                "issuer": self.amiss.discovery_issuer or self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False) | {"use": "sig", "alg": "RS256"}]}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            if (fault := self._fault(asked)) is not None:
                self.refused.append(fault)
                return Response(fault, 400)
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            answer = {"code": code, "state": self.amiss.state or asked["state"], "iss": self.amiss.iss or self.issuer}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 303)

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = {name: str(value) for name, value in (await request.form()).items()}
            asked = self.codes.pop(form.get("code", ""), None)
            if not self._is_client(request) or asked is None or not _fits(form, asked):
                self.refused.append("token")
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self._id_token(asked)})

        return app

    def _fault(self, asked: dict[str, str]) -> str | None:
        wanted = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.back,
            "code_challenge_method": "S256",
        }
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        missing = [name for name in ("state", "nonce", "code_challenge") if len(asked.get(name, "")) < 32]
        scope = [] if "openid" in asked.get("scope", "").split() else ["scope"]
        return next(iter([*wrong, *missing, *scope]), None)

    def _is_client(self, request: Request) -> bool:
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        return given == f"{CLIENT_ID}:{CLIENT_SECRET}"

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(self.now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + LASTS_S,
            "nonce": asked["nonce"],
            "email": self.email,
            "email_verified": self.email_verified,
            **self.amiss.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return self._signed(claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.amiss.algorithm, "kid": self.key.kid}
        if self.amiss.algorithm == "none":
            return jwt.encode(header, claims, OctKey.import_key("-" * 32), algorithms=["none"])
        if self.amiss.algorithm == "HS256":  # the published key taken for a shared secret
            shared = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode(header, claims, shared, algorithms=["HS256"])
        key = RSAKey.generate_key(2048, {"kid": self.key.kid}) if self.amiss.foreign_key else self.key
        return jwt.encode(header, claims, key, algorithms=["RS256"])


def _fits(form: dict[str, str], asked: dict[str, str]) -> bool:
    verifier = form.get("code_verifier", "")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    right = form.get("grant_type") == "authorization_code" and form.get("redirect_uri") == asked["redirect_uri"]
    return right and challenge == asked["code_challenge"]

"""Sign-in by the library's own service (OpenID Connect 1.0): authorisation code, PKCE, state and nonce.

What one sign-in is bound to (state, nonce, PKCE verifier) is derived from one random secret that only the browser's
cookie holds, so nothing is stored here and no answer fits a sign-in that another browser began.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from connectors.clock import Clock
from connectors.tokens import hashed

# Signatures by the service's private key only: "none" and those by a shared secret are no proof of who signed.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LEEWAY_S = 60  # by which the two clocks may differ


class SignInRefused(Exception):
    """The service's answer proves nobody; the message says why in one short word, for the log."""


class ServiceAway(Exception):
    """The service gave no answer, or not one we understand. Safe to try again."""


@dataclass(frozen=True)
class Person:
    """Who the service says it is; `email` is empty unless the service has verified it."""

    subject: str  # with its issuer: another service's 17 is another person
    email: str


class SignInService:
    """The library's sign-in service, as its discovery document describes it."""

    def __init__(self, client: httpx.AsyncClient, issuer: str, client_id: str, secret: str, clock: Clock) -> None:
        self._client = client
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._clock = clock
        self._document: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None

    async def address(self, bound_to: str, back: str) -> str:
        """Return where the browser goes to sign in. Raises ServiceAway."""
        document = await self._described()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": back,
            "scope": "openid email",
            "state": _state(bound_to),
            "nonce": _nonce(bound_to),
            "code_challenge": _challenge(_verifier(bound_to)),
            "code_challenge_method": "S256",
        }
        start = str(document["authorization_endpoint"])
        return f"{start}{'&' if '?' in start else '?'}{urlencode(asked)}"

    async def person(self, bound_to: str, back: str, state: str, code: str, issuer: str = "") -> Person:
        """Return who came back with this code. Raises SignInRefused, or ServiceAway.

        `issuer` is what the answer names as its sender, when it names one (RFC 9207).
        """
        if not bound_to or not hmac.compare_digest(state.encode(), _state(bound_to).encode()):
            raise SignInRefused("state")
        if issuer and issuer != self._issuer:
            raise SignInRefused("issuer")
        claims = await self._claims(await self._token(bound_to, back, code))
        self._check(claims, _nonce(bound_to))
        verified = claims.get("email_verified") is True
        email = str(claims.get("email", "")).strip().lower() if verified else ""
        return Person(f"{self._issuer} {claims['sub']}", email)

    async def _token(self, bound_to: str, back: str, code: str) -> str:
        document = await self._described()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        form["code_verifier"] = _verifier(bound_to)
        sent = await self._ask("POST", str(document["token_endpoint"]), data=form, auth=(self._client_id, self._secret))
        if sent.status_code != 200:
            raise SignInRefused("code")
        token = _object(sent).get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("no_id_token")
        return token

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """Return what the token says once its signature holds; keys not known yet are asked for once."""
        try:
            try:
                return jwt.decode(token, await self._signing_keys(), algorithms=ALGORITHMS).claims
            except InvalidKeyIdError:
                self._keys = None  # the service has changed its keys
                return jwt.decode(token, await self._signing_keys(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError) as exc:
            raise SignInRefused("signature") from exc

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        registry = JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(dict(claims))
        except JoseError as exc:
            raise SignInRefused(getattr(exc, "claim", None) or exc.error) from exc
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignInRefused("nonce")
        if claims["aud"] not in (self._client_id, [self._client_id]) and claims.get("azp") != self._client_id:
            raise SignInRefused("azp")

    async def _described(self) -> Mapping[str, Any]:
        """Return the discovery document; one that speaks for another issuer is none."""
        if self._document is None:
            found = await self._ask("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            document = _object(found)
            wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if document.get("issuer") != self._issuer or not all(isinstance(document.get(w), str) for w in wanted):
                raise ServiceAway("discovery")
            self._document = document
        return self._document

    async def _signing_keys(self) -> KeySet:
        if self._keys is None:
            found = _object(await self._ask("GET", str((await self._described())["jwks_uri"])))
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, KeyError, TypeError, ValueError) as exc:
                raise ServiceAway("keys") from exc
        return self._keys

    async def _ask(self, method: str, url: str, **how: Any) -> httpx.Response:
        try:
            return await self._client.request(method, url, **how)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ServiceAway(type(exc).__name__) from exc


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as exc:
        raise ServiceAway("not_json") from exc
    if not isinstance(found, dict):
        raise ServiceAway("no_object")
    return found


def _state(bound_to: str) -> str:
    return hashed(f"oidc state:{bound_to}")


def _nonce(bound_to: str) -> str:
    return hashed(f"oidc nonce:{bound_to}")


def _verifier(bound_to: str) -> str:
    return hashed(f"oidc verifier:{bound_to}")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

"""Who may do what: one table of routes and roles, and the one function that reads a caller's identity.

Owns the table ``ACCESS``; a route that is not in it cannot be built (``gateway.web.route``), so that a forgotten line
closes a door and never opens one. It never sees or keeps a token: what a caller presents is digested and compared
with every configured digest in constant time. Callers on the daemon's Unix socket need no token where the kernel says
(SO_PEERCRED) that they are the daemon's own user or root: those could read the store anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from gateway.model.requests import Actor, Role
from gateway.web.options import TokenOptions
from gateway.web.problems import Problem, ProblemError

PEER: Final = "gateway.peer"
"""The ASGI scope's key for the ``Peer``. Only ``gateway.web.server`` sets it; nothing on the wire can."""

ACCESS: Final[Mapping[tuple[str, str], Role | None]] = {
    # Sending and reading messages
    ("POST", "/api/v1/messages"): Role.OPERATOR,
    ("GET", "/api/v1/messages"): Role.VIEWER,
    ("GET", "/api/v1/messages/{id}"): Role.VIEWER,
    ("POST", "/api/v1/messages/cancel"): Role.OPERATOR,
    ("POST", "/api/v1/messages/resend"): Role.OPERATOR,
    ("POST", "/api/v1/messages/fail"): Role.OPERATOR,
    ("POST", "/api/v1/messages/{id}/resend"): Role.OPERATOR,
    ("POST", "/api/v1/messages/{id}/fail"): Role.OPERATOR,
    # Consent
    ("GET", "/api/v1/consents/{line}/{number}"): Role.VIEWER,
    ("GET", "/api/v1/consents/{line}/{number}/evidence"): Role.VIEWER,
    # Running the gateway
    ("GET", "/api/v1/brakes"): Role.VIEWER,
    ("PUT", "/api/v1/brakes/{kind}/{name}"): Role.OPERATOR,
    ("DELETE", "/api/v1/brakes/{kind}/{name}"): Role.OPERATOR,
    ("GET", "/api/v1/quarantine"): Role.VIEWER,
    ("GET", "/api/v1/status"): Role.VIEWER,
    ("GET", "/api/v1/restore"): Role.VIEWER,
    ("POST", "/api/v1/restore/records"): Role.ADMIN,
    ("POST", "/api/v1/restore/finish"): Role.ADMIN,
    ("POST", "/api/v1/restore/accept-loss"): Role.ADMIN,
    ("POST", "/api/v1/restore/mark"): Role.ADMIN,
    ("GET", "/api/v1/trace"): Role.OPERATOR,
    ("GET", "/api/v1/trace/unmasked"): Role.ADMIN,
    # Open to whoever reaches the port: no text, no number, no name of a person
    ("GET", "/api/docs"): None,
    ("GET", "/api/openapi.json"): None,
    ("GET", "/problems/{slug}"): None,
    ("GET", "/metrics"): None,
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
}


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of the Unix socket, as the kernel names it."""

    pid: int
    uid: int
    gid: int

    @property
    def user(self) -> str:
        """The user's name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


class Authority:
    """Knows the tokens' digests and the local users who need none."""

    def __init__(self, tokens: Sequence[TokenOptions], local_uids: frozenset[int] | None = None) -> None:
        self._tokens = tuple((bytes.fromhex(token.sha256), Actor(token.name, token.as_role)) for token in tokens)
        self._local_uids = frozenset({0, os.geteuid()}) if local_uids is None else local_uids

    def actor(self, authorization: str | None, peer: Peer | None) -> Actor | Problem:
        """Say who is asking. A presented token decides alone, on the Unix socket too."""
        if authorization is not None:
            return self._by_token(authorization)
        if peer is None:
            return _unauthorized("This route needs a token; none was sent.", "")
        if peer.uid in self._local_uids:
            return Actor(f"local:{peer.user}", Role.ADMIN)
        detail = f"The local user {peer.user} is neither the gateway's own nor root; send a token."
        return _unauthorized(detail, "")

    def _by_token(self, authorization: str) -> Actor | Problem:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _unauthorized("Authorization must read: Bearer, a blank, the token.", ', error="invalid_request"')
        digest = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        found: Actor | None = None
        for known, actor in self._tokens:  # every one, always: the time taken tells nothing
            if hmac.compare_digest(known, digest):
                found = actor
        return found or _unauthorized("The token is not one of the configuration's.", ', error="invalid_token"')


def _unauthorized(detail: str, error: str) -> Problem:
    # RFC 6750 section 3: what the challenge must look like
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": f'Bearer realm="gateway"{error}'})


def authorise(request: Request, needed: Role | None, authority: Authority) -> Actor | None:
    """Return who is asking, None on an open route; ProblemError (401, 403) where that does not suffice."""
    if needed is None:
        return None
    who = authority.actor(request.headers.get("authorization"), request.scope.get(PEER))
    if isinstance(who, Problem):
        raise ProblemError(who)
    if who.role < needed:
        detail = f"This needs the role {needed.word}; {who.name} has {who.role.word}."
        raise ProblemError(Problem("forbidden", detail, role=needed.word))
    return who

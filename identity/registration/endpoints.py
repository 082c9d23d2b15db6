"""The registration endpoint below an issuer, and the address of each client that came by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from identity.oidc.access import ProviderDep, refuse
from identity.oidc.errors import ProtocolError
from identity.oidc.openid_registration import Policy, Prepared, prepare_client, read_sector
from identity.oidc.provider import Issuer, Provider
from identity.oidc.rfc7591_registration import describe_client, read_metadata
from identity.oidc.rfc7592_management import check_change, refuse_token, take_token, with_secret
from identity.registration.actions import (
    delete_client,
    issue_registration_token,
    store_client,
    take_use,
)
from identity.registration.queries import Registered, find_initial_right, find_registered
from identity.relying_parties.queries import get_client
from shared.actors import Actor
from shared.web.deps import NowDep, RuntimeDep, SessionDep, public

_MAXIMUM_BODY = 65_536
_TOO_LARGE = 413
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}

router = APIRouter(dependencies=[Depends(public)])


async def read_document(request: Request) -> object:
    """Read the JSON body; asynchronous because Starlette reads bodies so."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAXIMUM_BODY:
            raise ProtocolError("invalid_request", "The body is too large", status=_TOO_LARGE)
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProtocolError("invalid_request", "The body must be application/json")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("invalid_request", "The body is not JSON") from error


DocumentDep = Annotated[object, Depends(read_document)]


def _issuer(request: Request, provider: ProviderDep) -> Issuer:
    return provider.issuers[request.app.state.profile]


IssuerDep = Annotated[Issuer, Depends(_issuer)]


@dataclass(frozen=True)
class _Desk:
    """Where a document is checked: at an issuer, for an organisation."""

    provider: Provider
    issuer: Issuer
    now: datetime

    def prepare(
        self, document: object, client_id: str, organisation: str, *, certification: bool
    ) -> Prepared:
        """Return the client that a document describes; asks for its sector, in no transaction."""
        settings = self.provider.settings
        metadata = read_metadata(document)
        policy = Policy(
            organisation=organisation,
            certification=certification,
            production=settings.environment == "production",
            allowed_hosts=frozenset(settings.outbound_allowed_hosts),
        )
        prepared = prepare_client(metadata, self.issuer, policy, client_id)
        read_sector(self.provider.outbound, metadata)
        return prepared

    def describe(
        self, prepared: Prepared, token: str, issued_at: datetime, secret: str | None
    ) -> dict[str, object]:
        """Return what a client is told about itself (RFC 7591, section 3.2.1)."""
        client_id = prepared.party.client_id
        about: dict[str, object] = {
            **describe_client(prepared.party, prepared.jwks),
            "client_id_issued_at": int(issued_at.timestamp()),
            "registration_access_token": token,
            "registration_client_uri": f"{self.issuer.url}/register/{client_id}",
        }
        return about | ({"client_secret": secret, "client_secret_expires_at": 0} if secret else {})


@router.post("/register")
def register(
    request: Request,
    document: DocumentDep,
    provider: ProviderDep,
    issuer: IssuerDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Register a client for whoever holds an initial access token.

    Two transactions, because a sector is asked for between them: the token is looked at, then one
    of its uses is spent with the client's row.
    """
    desk = _Desk(provider, issuer, now)
    try:
        initial = take_token(request.headers.get("Authorization"))
        with runtime.database.transaction() as session:
            right = find_initial_right(session, initial, now)
        if right is None:
            raise refuse_token()
        prepared, secret = with_secret(
            desk.prepare(
                document, uuid4().hex, right.organisation, certification=right.certification
            ),
            None,
        )
        client_id = prepared.party.client_id
        actor = Actor("service", f"initial-access-token:{right.id}", name=right.label)
        with runtime.database.transaction() as session:
            if take_use(session, initial, now) is None:
                raise refuse_token()
            store_client(session, prepared, actor, now)
            token = issue_registration_token(
                session, client_id, certification=right.certification, now=now
            )
    except ProtocolError as error:
        return refuse(error)
    return _answer(desk.describe(prepared, token, now, secret), 201)


@router.get("/register/{client_id}")
def read(
    request: Request, client_id: str, provider: ProviderDep, issuer: IssuerDep, session: SessionDep
) -> Response:
    """Tell a client how it is registered; its secret is not kept and not told again."""
    try:
        token = take_token(request.headers.get("Authorization"))
        found = find_registered(session, issuer.profile.name, client_id, token)
        party = get_client(session, client_id) if found else None
        if found is None or party is None:
            raise refuse_token()
    except ProtocolError as error:
        return refuse(error)
    desk = _Desk(provider, issuer, found.issued_at)
    return _answer(desk.describe(Prepared(party, found.jwks), token, found.issued_at, None))


@router.put("/register/{client_id}")
def change(
    request: Request,
    client_id: str,
    document: DocumentDep,
    provider: ProviderDep,
    issuer: IssuerDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Replace a registration by another of the same client."""
    desk = _Desk(provider, issuer, now)
    try:
        token = take_token(request.headers.get("Authorization"))
        with runtime.database.transaction() as session:
            found = find_registered(session, issuer.profile.name, client_id, token)
        if found is None:
            raise refuse_token()
        check_change(document, client_id, found.secret_hash)
        prepared, secret = with_secret(
            desk.prepare(
                document, client_id, found.organisation, certification=found.certification
            ),
            found.secret_hash,
        )
        with runtime.database.transaction() as session:
            # It may have been deleted meanwhile, and must not come back.
            if find_registered(session, issuer.profile.name, client_id, token) is None:
                raise refuse_token()
            store_client(session, prepared, _itself(found), now)
    except ProtocolError as error:
        return refuse(error)
    return _answer(desk.describe(prepared, token, found.issued_at, secret))


@router.delete("/register/{client_id}")
def forget(
    request: Request, client_id: str, issuer: IssuerDep, session: SessionDep, now: NowDep
) -> Response:
    """Delete a client and revoke everything that it was given."""
    try:
        token = take_token(request.headers.get("Authorization"))
        found = find_registered(session, issuer.profile.name, client_id, token)
        if found is None:
            raise refuse_token()
    except ProtocolError as error:
        return refuse(error)
    delete_client(session, client_id, _itself(found), now)
    return Response(status_code=204, headers=_NO_STORE)


def _itself(found: Registered) -> Actor:
    return Actor("service", found.client_id, name=found.client_id)


def _answer(content: Mapping[str, object], status: int = 200) -> Response:
    return JSONResponse(content, status, headers=_NO_STORE)

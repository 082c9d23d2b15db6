"""Issuing a code: one statement, which also looks up what the person agreed to earlier."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import TextClause, text

from identity.oidc.consent import granted_scopes
from identity.oidc.flows import FlowRequest, FlowView
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token
from shared.ids import new_id
from shared.quick import Executor

_INSERT = """
    INSERT INTO authorisation (id, client_id, profile, account_id, session_id, flow_id, subject,
                               scopes, shared_scopes, nonce, redirect_uri, code_hash,
                               code_challenge, code_expires_at, code_consumed_at, authenticated_at,
                               methods, level, asked, created_at, expires_at)
    SELECT :id, :client_id, :profile, :account_id, :session_id, :flow_id, :subject, {scopes},
           :nonce, :redirect_uri, :code_hash, :code_challenge, :code_expires_at,
           CASE WHEN :is_code_sent THEN NULL ELSE cast(:now AS timestamptz) END, :authenticated_at,
           :methods, :level, cast(:asked AS jsonb), :now, :expires_at
"""
_GIVEN = ":scopes, :shared_scopes"
# What the person agreed to earlier; nothing is issued while anything was never asked.
_KNOWN = """
    known AS (
      SELECT scopes, used_at FROM remembered_consent
       WHERE account_id = :account_id AND client_id = :client_id
         AND scopes || declined @> cast(:items AS text[])
         AND scopes @> cast(:must_be_agreed AS text[])
    ), touched AS (
      UPDATE remembered_consent r SET used_at = :now FROM known
       WHERE r.account_id = :account_id AND r.client_id = :client_id
         AND known.used_at < :now - interval '1 day'
    )
"""
_REMEMBERED = """
    ARRAY(SELECT one FROM unnest(cast(:all_scopes AS text[])) WITH ORDINALITY o (one, place)
           WHERE one <> ALL (cast(:items AS text[])) OR one = ANY (known.scopes) ORDER BY place),
    ARRAY(SELECT one FROM unnest(cast(:items AS text[])) WITH ORDINALITY o (one, place)
           WHERE one = ANY (known.scopes) ORDER BY place)
"""
# A request that was sent ahead, which the statement that issues spends (RFC 9126, section 4).
_PUSHED = """
    pushed AS (
      UPDATE pushed_request SET consumed_at = :now, expires_at = greatest(valid_until, :now)
       WHERE request_hash = :pushed_hash AND client_id = :client_id AND consumed_at IS NULL {agreed}
      RETURNING true
    )
"""


def _issue(*, remembered: bool, pushed: bool) -> TextClause:
    """Return the statement that issues a code; ``remembered`` and ``pushed`` add conditions."""
    agreed = "AND EXISTS (SELECT FROM known)" if remembered else ""
    parts = ([_KNOWN] if remembered else []) + ([_PUSHED.format(agreed=agreed)] if pushed else [])
    start = f"WITH {', '.join(parts)}" if parts else ""
    insert = _INSERT.format(scopes=_REMEMBERED if remembered else _GIVEN)
    source = "FROM known" if remembered else ""
    condition = "WHERE EXISTS (SELECT FROM pushed)" if pushed else ""
    return text(f"{start} {insert} {source} {condition} RETURNING id")


_ISSUE = {
    (remembered, pushed): _issue(remembered=remembered, pushed=pushed)
    for remembered in (False, True)
    for pushed in (False, True)
}


def issue_code(
    session: Executor,
    code: str,
    flow: FlowView,
    shared: tuple[str, ...],
    signed_in: SignedInSession,
    subject: str,
    *,
    code_seconds: int,
    now: datetime,
    remembered_only: bool = False,
    is_code_sent: bool = True,
) -> UUID | None:
    """Write an authorisation with its code down and return its id; only the code's hash is kept.

    With ``remembered_only`` nothing is issued, and None returned, unless the person agreed
    earlier that this client sees what it asks for. A code that is not sent to the client, because
    its answer is made of tokens, counts as used from the start.
    """
    request: FlowRequest = flow.request
    until = now + timedelta(seconds=code_seconds)
    items = (*flow.requested_attributes, *flow.remembered_items)
    pushed = bytes.fromhex(request.pushed) if request.pushed else None
    rows = session.execute(
        _ISSUE[remembered_only, pushed is not None],
        {
            "id": new_id(),
            "client_id": flow.client_id,
            "profile": flow.profile,
            "account_id": signed_in.account_id,
            "session_id": signed_in.id,
            "flow_id": flow.id,
            "subject": subject,
            "all_scopes": list(request.scopes),
            "scopes": list(granted_scopes(request.scopes, flow.requested_details, shared)),
            "shared_scopes": [item for item in items if item in shared],
            "items": list(flow.remembered_items),
            "nonce": request.nonce,
            "redirect_uri": request.redirect_uri,
            "code_hash": hash_token(code),
            "code_challenge": request.code_challenge,
            "code_expires_at": until,
            "authenticated_at": signed_in.authenticated_at,
            "methods": list(signed_in.methods),
            "level": signed_in.level,
            "asked": json.dumps(request.asked.as_json()),
            "now": now,
            "expires_at": max(until + timedelta(hours=1), signed_in.may_live_until),
            "must_be_agreed": list(
                flow.remembered_items if request.response_type != "code" else flow.requested_claims
            ),
            "is_code_sent": is_code_sent,
        }
        | ({} if pushed is None else {"pushed_hash": pushed}),
    )
    issued = rows.mappings().one_or_none()
    return None if issued is None else issued["id"]

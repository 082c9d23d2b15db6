"""The life of signing keys: made once, sealed, published in order, rotated with overlap."""

import base64
import json
from datetime import timedelta

import pytest
from joserfc import jws
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from identity.keys.actions import KeyCache, ensure_keys, rotate_keys
from identity.keys.keyring import KeyRing
from identity.keys.queries import get_subject_salt, load_key_ring
from identity.keys.rules import MOVES, OVERLAP, PUBLISHED
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import SealBrokenError, Sealer

NOW = clock.now()


def ring_of(session: Session, sealer: Sealer) -> KeyRing:
    ring = load_key_ring(session, sealer)
    assert ring is not None
    return ring


def test_every_state_has_its_moves_and_only_known_ones() -> None:
    assert set(MOVES) == {"next", "active", "retiring", "retired"}
    assert set().union(*MOVES.values()) <= set(MOVES)
    assert set(MOVES) >= PUBLISHED


def test_keys_are_made_once(identity_session: Session, sealer: Sealer) -> None:
    assert load_key_ring(identity_session, sealer) is None
    ensure_keys(identity_session, sealer, NOW)
    first = ring_of(identity_session, sealer)
    ensure_keys(identity_session, sealer, NOW)
    second = ring_of(identity_session, sealer)
    assert [key.kid for key in first.keys] == [key.kid for key in second.keys]
    assert first.salt == second.salt == get_subject_salt(identity_session, sealer)
    assert sorted((key.algorithm, key.state) for key in first.keys) == [
        ("ES256", "active"),
        ("ES256", "next"),
        ("EdDSA", "active"),
        ("EdDSA", "next"),
        ("PS256", "active"),
        ("PS256", "next"),
        ("RS256", "active"),
        ("RS256", "next"),
    ]


def test_the_cache_makes_the_first_keys(identity_session: Session, sealer: Sealer) -> None:
    cache = KeyCache(sealer)
    ring = cache.get(identity_session, NOW)
    assert ring.signer("ES256").private is not None
    assert cache.get(identity_session, NOW).keys == cache.get(identity_session, NOW).keys


def test_the_active_keys_are_published_first(identity_session: Session, sealer: Sealer) -> None:
    ensure_keys(identity_session, sealer, NOW)
    rotate_keys(identity_session, sealer, SYSTEM, NOW + timedelta(hours=1))
    rotate_keys(identity_session, sealer, SYSTEM, NOW + timedelta(hours=2))
    ring = ring_of(identity_session, sealer)
    for algorithm in ("ES256", "RS256"):
        own = [key for key in ring.keys if key.algorithm == algorithm]
        assert [key.state for key in own] == ["active", "next", "retiring", "retiring"]
    states = [key.state for key in ring.keys]
    assert states == sorted(states, key=["active", "next", "retiring"].index)
    kinds = {key["kty"] for key in ring.as_jwks(("RS256",))["keys"]}  # type: ignore[attr-defined]  # a list of keys
    assert kinds == {"RSA"}


def test_a_rotation_takes_what_was_published_before(
    identity_session: Session, sealer: Sealer
) -> None:
    ensure_keys(identity_session, sealer, NOW)
    before = ring_of(identity_session, sealer)
    announced = {key.kid for key in before.keys if key.state == "next"}
    active = rotate_keys(identity_session, sealer, SYSTEM, NOW)
    assert set(active) == announced
    after = ring_of(identity_session, sealer)
    old = after.find(before.signer("ES256").kid)
    assert old is not None
    assert (old.state, old.private) == ("retiring", None)


def test_retired_keys_leave_the_set_after_the_overlap(
    identity_session: Session, sealer: Sealer
) -> None:
    ensure_keys(identity_session, sealer, NOW)
    first = ring_of(identity_session, sealer).signer("RS256").kid
    rotate_keys(identity_session, sealer, SYSTEM, NOW)
    rotate_keys(identity_session, sealer, SYSTEM, NOW + OVERLAP - timedelta(seconds=1))
    assert ring_of(identity_session, sealer).find(first) is not None
    rotate_keys(identity_session, sealer, SYSTEM, NOW + OVERLAP)
    assert ring_of(identity_session, sealer).find(first) is None


def test_a_rotation_is_in_the_audit(identity_session: Session, sealer: Sealer) -> None:
    rotate_keys(identity_session, sealer, SYSTEM, NOW)
    actions = identity_session.execute(text("SELECT action FROM audit_event")).scalars().all()
    assert actions == ["identity.keys.rotated"]


def test_private_parts_are_sealed_for_their_key(
    identity_session: Session, sealer: Sealer, tmp_path: object
) -> None:
    ensure_keys(identity_session, sealer, NOW)
    rows = identity_session.execute(
        text("SELECT kid, private_sealed, public_jwk FROM signing_key")
    ).all()
    for row in rows:
        assert b"PRIVATE" not in bytes(row.private_sealed)
        assert not {"d", "p", "q"} & set(row.public_jwk)
        with pytest.raises(SealBrokenError):
            sealer.open(bytes(row.private_sealed), b"another record")


def test_there_is_one_active_key_of_an_algorithm(identity_session: Session, sealer: Sealer) -> None:
    ensure_keys(identity_session, sealer, NOW)
    with pytest.raises(IntegrityError):
        identity_session.execute(text("UPDATE signing_key SET state = 'active'"))


def test_signed_tokens_verify_with_the_published_key(
    identity_session: Session, sealer: Sealer
) -> None:
    ensure_keys(identity_session, sealer, NOW)
    ring = ring_of(identity_session, sealer)
    for algorithm in ("ES256", "RS256"):
        token = ring.sign(algorithm, {"sub": "jean"})
        header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        assert set(header) == {"alg", "kid"}
        found = ring.find(header["kid"])
        assert found is not None
        jws.deserialize_compact(token, found.public, algorithms=[algorithm])

"""What comes next in a flow: pure decisions."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from identity.oidc.errors import ProtocolError
from identity.oidc.flows import FlowRequest, FlowView
from identity.oidc.rules import check_can_continue
from identity.oidc.steps import next_step
from identity.signin.queries import SignedInSession
from shared import clock
from shared.errors import Conflict, Forbidden

NOW = clock.now()
JEAN, ROSS = UUID(int=1), UUID(int=2)
ATTRIBUTES = ("openid", "scotaccount.gpg45.medium")


def flow(**changes: object) -> FlowView:
    request = {
        name: changes.pop(name)
        for name in ("scopes", "prompt", "max_age_seconds", "create_account")
        if name in changes
    }
    base = FlowView(
        id=UUID(int=9),
        client_id="c",
        client_name="Council service",
        organisation="strathclachan",
        first_party=False,
        landing_page="",
        profile="scotaccount",
        request=FlowRequest("https://council.example:8443/cb?x=y", ("openid",)),
        browser_hash=b"browser",
        account_id=None,
        session_id=None,
        signed_in_at=None,
        verified_at=None,
        consented_at=None,
        shared_scopes=None,
        error=None,
        error_description=None,
        created_at=NOW - timedelta(minutes=1),
        expires_at=NOW + timedelta(days=7),
        finished_at=None,
    )
    return replace(base, request=replace(base.request, **request), **changes)  # type: ignore[arg-type]  # members by name


def session(account_id: UUID = JEAN, **age: float) -> SignedInSession:
    at = NOW - timedelta(**(age or {"minutes": 10}))
    return SignedInSession(UUID(int=5), account_id, at, ("pwd", "otp"), "medium", "", at)


def step(view: FlowView, who: SignedInSession | None, **known: bool) -> str:
    return next_step(view, who, NOW, has_safe_result=known.pop("has_safe_result", False), **known)


@pytest.mark.parametrize(
    ("view", "who", "known", "expected"),
    [
        (flow(), None, {}, "sign_in"),
        (flow(create_account=True), None, {}, "create_account"),
        (flow(), session(), {}, "answer"),
        (flow(create_account=True), session(), {}, "answer"),
        (flow(prompt=("login",)), session(), {}, "sign_in"),
        (flow(prompt=("login",)), session(seconds=5), {}, "answer"),
        (flow(max_age_seconds=60), session(), {}, "sign_in"),
        (flow(max_age_seconds=3600), session(), {}, "answer"),
        (flow(prompt=("consent",)), session(), {}, "consent"),
        (flow(scopes=ATTRIBUTES), session(), {}, "verify"),
        (flow(scopes=ATTRIBUTES), session(), {"has_safe_result": True}, "consent"),
        (flow(scopes=("openid", "scotaccount.email")), session(), {}, "consent"),
        (flow(scopes=ATTRIBUTES, account_id=JEAN, verified_at=NOW), session(), {}, "consent"),
        (
            flow(scopes=ATTRIBUTES, account_id=JEAN, verified_at=NOW, consented_at=NOW),
            session(),
            {},
            "answer",
        ),
        (
            flow(scopes=ATTRIBUTES, account_id=JEAN, verified_at=NOW, consented_at=NOW),
            session(ROSS),
            {},
            "verify",
        ),
        (
            flow(scopes=ATTRIBUTES, account_id=JEAN, consented_at=NOW),
            session(ROSS),
            {"has_safe_result": True},
            "consent",
        ),
        (flow(profile="oidc", scopes=("openid", "email")), session(), {}, "consent"),
        (
            flow(profile="oidc", scopes=("openid", "email")),
            session(),
            {"remembers_consent": True},
            "answer",
        ),
        (
            flow(profile="oidc", scopes=("openid", "email"), first_party=True),
            session(),
            {},
            "answer",
        ),
        (
            flow(scopes=ATTRIBUTES, first_party=True),
            session(),
            {"has_safe_result": True, "remembers_consent": True},
            "consent",
        ),
    ],
)
def test_the_next_step(
    view: FlowView, who: SignedInSession | None, known: dict[str, bool], expected: str
) -> None:
    assert step(view, who, **known) == expected


def test_a_refusal_ends_the_flow() -> None:
    refused = flow(error="account_selection_required", error_description="Sign-up was cancelled")
    with pytest.raises(ProtocolError) as caught:
        step(refused, session())
    assert caught.value.error == "account_selection_required"


@pytest.mark.parametrize(
    ("changes", "who", "error"),
    [
        ({}, None, "login_required"),
        ({"scopes": ATTRIBUTES}, session(), "interaction_required"),
        ({"scopes": ("openid", "email"), "profile": "oidc"}, session(), "consent_required"),
        ({"max_age_seconds": 1}, session(), "login_required"),
    ],
)
def test_prompt_none_never_asks(
    changes: dict[str, object], who: SignedInSession | None, error: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        step(flow(prompt=("none",), **changes), who)
    assert caught.value.error == error


def test_the_return_origin_is_scheme_host_and_port() -> None:
    assert flow().return_origin == "https://council.example:8443"


def test_another_browser_may_go_on_only_as_the_same_person() -> None:
    """S16: a change of device."""
    begun = flow(account_id=JEAN)
    check_can_continue(begun, None, b"browser", NOW)
    check_can_continue(begun, session(JEAN), b"other", NOW)
    for who in (None, session(ROSS)):
        with pytest.raises(Forbidden):
            check_can_continue(begun, who, b"other", NOW)
    with pytest.raises(Forbidden):
        check_can_continue(flow(), session(JEAN), b"other", NOW)


def test_a_finished_flow_answers_a_double_click_and_nothing_later() -> None:
    check_can_continue(flow(finished_at=NOW - timedelta(minutes=4)), None, b"browser", NOW)
    with pytest.raises(Conflict):
        check_can_continue(flow(finished_at=NOW - timedelta(minutes=6)), None, b"browser", NOW)

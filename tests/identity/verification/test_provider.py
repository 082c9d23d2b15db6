"""The adapter against the simulated company over real HTTP."""

import time
from datetime import date

import httpx
import pytest

from identity.accounts.settings import DEMO_CHECK_KEY
from identity.verification.gpg45 import load_profiles, make_policy, match, score
from identity.verification.provider import (
    CheckResult,
    Claimed,
    ProviderResultError,
    ProviderUnavailableError,
    StartedCheck,
)
from identity.verification.providers.document_check import HttpDocumentCheck
from shared import clock

CLAIMED = Claimed(
    "Ann",
    "Fictional",
    date(1980, 2, 1),
    ("12A Invented St", "Flat 3", "Perth"),
    "PH1 1AA",
    "driving_permit",
)
HTTP = httpx.Client(headers={"Connection": "close"})
ALL = [name for name in load_profiles()[1] if name.startswith("M")]


def start(provider: HttpDocumentCheck, key: str = "k1") -> StartedCheck:
    return provider.start(CLAIMED, idempotency_key=key, return_url="http://localhost:8000/back")


def capture(started: StartedCheck, persona: str) -> httpx.Response:
    form = {"document": "driving_permit", "persona": persona}
    return httpx.post(started.capture_url, data=form)


def collect(provider: HttpDocumentCheck, persona: str) -> CheckResult:
    started = start(provider)
    assert capture(started, persona).headers["location"] == "http://localhost:8000/back"
    result = provider.collect(started.reference)
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("persona", "profile"),
    [
        ("verified", "M1B"),
        ("verified_with_warnings", "M1C"),
        ("selfie_mismatch", None),
        ("document_expired", None),
    ],
)
def test_each_persona_reaches_its_profile(
    provider: HttpDocumentCheck, persona: str, profile: str | None
) -> None:
    result = collect(provider, persona)
    policy = make_policy(ALL)
    found = match(score(result.checks, policy, clock.now()), policy)
    assert (found.id if found else None) == profile
    assert (result.given_name, result.birth_date) == ("Ann", date(1980, 2, 1))


def test_an_address_comes_back_in_its_members(provider: HttpDocumentCheck) -> None:
    assert collect(provider, "verified").address == {
        "buildingName": "12A",
        "streetName": "Invented St",
        "subBuildingName": "Flat 3",
        "addressLocality": "Perth",
        "postalCode": "PH1 1AA",
    }


def test_the_same_key_orders_one_check(provider: HttpDocumentCheck) -> None:
    assert start(provider, "one") == start(provider, "one")
    assert start(provider, "one") != start(provider, "two")


def test_there_is_no_result_before_the_pictures(provider: HttpDocumentCheck) -> None:
    assert provider.collect(start(provider).reference) is None


def test_a_slow_check_is_not_ready_at_first(provider: HttpDocumentCheck) -> None:
    started = start(provider)
    capture(started, "slow")
    assert provider.collect(started.reference) is None
    time.sleep(2)
    assert provider.collect(started.reference) is not None


def test_a_company_that_is_down_is_unavailable_for_a_while(provider: HttpDocumentCheck) -> None:
    started = start(provider)
    capture(started, "provider_down")
    with pytest.raises(ProviderUnavailableError):
        provider.collect(started.reference)
    time.sleep(2)
    assert provider.collect(started.reference) is not None


def test_nobody_listening_is_unavailable() -> None:
    with pytest.raises(ProviderUnavailableError):
        start(HttpDocumentCheck("http://127.0.0.1:1", DEMO_CHECK_KEY, HTTP))


def test_a_wrong_key_is_unavailable(company: str) -> None:
    with pytest.raises(ProviderUnavailableError):
        start(HttpDocumentCheck(company, "wrong", HTTP))


def test_the_first_choice_in_front_of_the_camera_stays(provider: HttpDocumentCheck) -> None:
    started = start(provider)
    capture(started, "document_expired")
    capture(started, "verified")
    result = provider.collect(started.reference)
    assert result is not None
    assert result.checks[0].validity == 0


@pytest.mark.parametrize("fault", ["signature", "audience", "subject", "shape"])
def test_a_result_that_cannot_be_believed_is_refused(
    company: str, provider: HttpDocumentCheck, fault: str
) -> None:
    started, other = start(provider, "a"), start(provider, "b")
    capture(started, "verified")
    capture(other, "verified")

    def tamper(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if fault == "subject" and path.endswith("/result"):
            path = f"/checks/{other.reference}/result"
        answer = httpx.request(
            request.method, company + path, headers={"Authorization": f"Bearer {DEMO_CHECK_KEY}"}
        )
        body = answer.text
        if path.endswith("/result") and fault == "signature":
            body = body[:-8] + ("A" * 8 if not body.endswith("A" * 8) else "B" * 8)
        if path.endswith("/result") and fault == "shape":
            body = "not a token"
        return httpx.Response(200, text=body)

    http = httpx.Client(transport=httpx.MockTransport(tamper))
    # Another address of ours makes the issuer another company's.
    url = "http://other.example" if fault == "audience" else company
    with pytest.raises(ProviderResultError):
        HttpDocumentCheck(url, DEMO_CHECK_KEY, http).collect(started.reference)

"""Scoring rules of contract section 6.2."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.verification.gpg45 import (
    CheckDetail,
    ContraIndicator,
    Evidence,
    IdentityCheck,
    Policy,
    Scores,
    load_profiles,
    make_policy,
    match,
    score,
)

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
PROFILES = load_profiles()[1]
DOCUMENTS = ("passport", "driving_permit", "bank_account", "residence_permit")
SOFT = (CheckDetail(fraud_check="applicable_authoritative_source"),)

scores = st.integers(min_value=0, max_value=4)
documents = st.builds(
    IdentityCheck,
    type=st.sampled_from(DOCUMENTS),
    txn=st.just("t"),
    issued_at=st.just(NOW),
    strength=st.integers(min_value=1, max_value=4),
    validity=scores,
    verification=scores,
)
people = st.tuples(
    st.lists(documents, max_size=4, unique_by=lambda check: check.type),
    scores,
    st.integers(min_value=0, max_value=3),
)
policies = st.permutations(sorted(PROFILES)).map(lambda names: make_policy(names[:12]))


def checks_of(documents: list[IdentityCheck], activity: int, fraud: int) -> list[IdentityCheck]:
    return [
        *documents,
        IdentityCheck("address", "a", NOW, activity=activity),
        IdentityCheck("fraud", "f", NOW, fraud=fraud, failed=SOFT),
    ]


def matches(checks: list[IdentityCheck], policy: Policy) -> bool:
    return match(score(checks, policy, NOW), policy) is not None


def test_the_table_has_all_32_profiles_of_four_levels() -> None:
    assert len(PROFILES) == 32
    first = {"L": "low", "M": "medium", "H": "high", "V": "very_high"}
    assert all(profile.level == first[name[0]] for name, profile in PROFILES.items())


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_the_minimum_evidence_of_each_profile_matches_that_profile(name: str) -> None:
    wanted = PROFILES[name]
    evidence = [
        IdentityCheck(kind, "t", NOW, strength=strength, validity=validity)
        for kind, (strength, validity) in zip(DOCUMENTS, wanted.evidence, strict=False)
    ]
    person = IdentityCheck("face", "t", NOW, verification=wanted.verification)
    policy = make_policy([name])
    checks = [*checks_of(evidence, wanted.activity, wanted.fraud), person]
    assert matches(checks, policy)
    if wanted.activity:
        assert not matches(
            [*checks_of(evidence, wanted.activity - 1, wanted.fraud), person], policy
        )
    assert not matches([*checks[1:]], policy)


@given(people, policies, st.data())
def test_raising_a_score_never_loses_a_match(
    person: tuple[list[IdentityCheck], int, int], policy: Policy, data: st.DataObject
) -> None:
    given_documents, activity, fraud = person
    if not matches(checks_of(given_documents, activity, fraud), policy):
        return
    raised = [
        replace(
            check,
            strength=data.draw(st.integers(check.strength or 1, 4)),
            validity=data.draw(st.integers(check.validity or 0, 4)),
            verification=data.draw(st.integers(check.verification or 0, 4)),
        )
        for check in given_documents
    ]
    more = checks_of(raised, data.draw(st.integers(activity, 4)), data.draw(st.integers(fraud, 3)))
    assert matches(more, policy)


@given(people, policies, st.randoms())
def test_the_order_of_evidence_never_matters(
    person: tuple[list[IdentityCheck], int, int], policy: Policy, random: object
) -> None:
    checks = checks_of(*person)
    shuffled = list(checks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    first, second = (score(some, policy, NOW) for some in (checks, shuffled))
    assert match(first, policy) == match(second, policy)


@given(people, policies)
def test_a_duplicate_document_never_helps(
    person: tuple[list[IdentityCheck], int, int], policy: Policy
) -> None:
    checks = checks_of(*person)
    doubled = [*checks, *person[0]]
    assert score(checks, policy, NOW) == score(doubled, policy, NOW)


def test_of_two_checks_of_one_document_the_stronger_counts() -> None:
    policy = make_policy(["M1B"])
    weak = IdentityCheck("passport", "1", NOW, strength=3, validity=4)
    strong = IdentityCheck("passport", "2", NOW, strength=4, validity=0)
    assert score([weak, strong], policy, NOW).evidence == (Evidence("passport", 4, 0, "2"),)


def test_documents_of_unknown_type_are_all_kept() -> None:
    policy = make_policy(["M1B"])
    checks = [IdentityCheck("library_card", str(n), NOW, strength=1, validity=1) for n in (1, 2)]
    assert len(score(checks, policy, NOW).evidence) == 2


def test_one_document_cannot_be_two_pieces_of_evidence() -> None:
    reached = Scores(3, 2, 2, (Evidence("passport", 4, 4),))
    assert match(reached, make_policy(["M2A"])) is None
    two = replace(reached, evidence=(*reached.evidence, Evidence("driving_permit", 2, 2)))
    assert match(two, make_policy(["M2A"])) is not None


@pytest.mark.parametrize("name", ["L1B", "M1C", "H1C", "H2E", "V1D", "V2D"])
def test_a_profile_without_fraud_score_needs_a_soft_failure(name: str) -> None:
    wanted = PROFILES[name]
    reached = Scores(
        activity=4,
        fraud=3,
        verification=4,
        evidence=tuple(Evidence(kind, 4, 4) for kind in DOCUMENTS),
    )
    policy = make_policy([wanted.id])
    assert match(reached, policy) is None
    assert match(replace(reached, fraud_failed_softly=True), policy) == wanted


@pytest.mark.parametrize(
    ("failed", "fraud", "soft"),
    [
        ("applicable_authoritative_source", 0, True),
        ("available_authoritative_source", 2, True),
        ("mortality_check", 0, True),
        ("mortality_check", 1, False),
        ("identity_theft_check", 0, False),
    ],
)
def test_which_failures_of_the_fraud_check_are_soft(failed: str, fraud: int, soft: bool) -> None:  # noqa: FBT001 - a column of the table
    check = IdentityCheck("fraud", "f", NOW, fraud=fraud, failed=(CheckDetail(fraud_check=failed),))
    assert score([check], make_policy(["M1C"]), NOW).fraud_failed_softly is soft


def test_a_contra_indicator_blocks_until_it_is_mitigated() -> None:
    reached = [
        IdentityCheck("passport", "p", NOW, strength=4, validity=4, verification=4),
        IdentityCheck("fraud", "f", NOW, fraud=3, contra_indicators=(ContraIndicator("X01"),)),
    ]
    policy = make_policy(["M1A"])
    assert not matches(reached, policy)
    explained = replace(reached[1], contra_indicators=(ContraIndicator("X01", is_mitigated=True),))
    assert matches([reached[0], explained], policy)


def test_the_biometric_level_stands_in_for_a_missing_verification_score() -> None:
    details = (CheckDetail(check_method="bvr"), CheckDetail("bvr", 3), CheckDetail("bvr", 2))
    check = IdentityCheck("passport", "p", NOW, details=details)
    assert score([check], make_policy(["M1A"]), NOW).verification == 3
    scored = replace(check, verification=1)
    assert score([scored], make_policy(["M1A"]), NOW).verification == 1


def test_a_fraud_check_lasts_whole_days_of_scotland() -> None:
    policy = make_policy(["M1A"], fraud_check_days=180)
    # 23:30 in UTC on 3 June is half past midnight on the 4th in Scotland.
    check = IdentityCheck("fraud", "f", datetime(2026, 6, 3, 23, 30, tzinfo=UTC), fraud=2)
    last = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert score([check], policy, last).fraud == 2
    assert score([check], policy, last + timedelta(minutes=1)).fraud == 0


@pytest.mark.parametrize(
    ("kind", "expired_days", "counts"),
    [
        ("passport", 0, True),
        ("passport", 1, False),
        ("driving_permit", 180, True),
        ("driving_permit", 181, False),
    ],
)
def test_an_expired_document(kind: str, expired_days: int, counts: bool) -> None:  # noqa: FBT001 - a column of the table
    expires = date(2026, 11, 2) - timedelta(days=expired_days)
    check = IdentityCheck(kind, "d", NOW, strength=3, validity=2, document_expires=expires)
    assert bool(score([check], make_policy(["M1A"]), NOW).evidence) is counts


def test_the_first_accepted_profile_wins_and_the_policy_names_itself() -> None:
    reached = Scores(4, 3, 4, tuple(Evidence(kind, 4, 4) for kind in DOCUMENTS))
    policy = make_policy(["M2B", "M1A"])
    assert match(reached, policy) == PROFILES["M2B"]
    assert policy.version == "gpg45-0.4:M2B,M1A"


def test_a_policy_of_unknown_profiles_is_refused() -> None:
    with pytest.raises(ValueError, match="M9Z"):
        make_policy(["M1A", "M9Z"])

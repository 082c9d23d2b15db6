"""Foreign addresses: what is never asked, and what is not read to its end."""

import socket
import time

import pytest

from shared.guarded_http import GuardedHttp, OutboundError, is_public
from tests.support.outside import Outside, Reply, Sent, outside_server


@pytest.fixture
def guarded() -> GuardedHttp:
    return GuardedHttp(0.5, allowed_hosts=frozenset({"127.0.0.1"}))


@pytest.mark.parametrize(
    "url",
    [
        "http://council.example/x",
        "ftp://127.0.0.1/x",
        "https://127.0.0.2/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://localhost/x",
        "https://user:word@127.0.0.1/x",
        "https://",
        "not an address",
        "https://host.invalid/x",
    ],
)
def test_what_is_never_asked(guarded: GuardedHttp, url: str) -> None:
    with pytest.raises(OutboundError):
        guarded.get(url)


def test_one_private_address_among_public_ones_is_enough(
    guarded: GuardedHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, 1, 6, "", (address, 443)) for address in ("203.0.114.9", "10.1.1.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    with pytest.raises(OutboundError, match="private"):
        guarded.get("https://council.example/x")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2a00:1450::1", True),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def test_an_allowed_host_is_asked_and_told_whom_it_is(guarded: GuardedHttp) -> None:
    with outside_server() as outside:
        url = outside.serve("/keys", '{"keys": []}')
        assert guarded.get(url).content == b'{"keys": []}'
        assert outside.sent[0].headers["host"] == outside.url.removeprefix("http://")
        guarded.post(url, form={"logout_token": "a b"})
        assert outside.sent[1].body == b"logout_token=a+b"


def _slow(_sent: Sent) -> Reply:
    time.sleep(1)
    return Reply()


@pytest.mark.parametrize(
    "reply",
    [Reply(302, headers={"Location": "/elsewhere"}), Reply(content=b"x" * 70_000), Reply(500)],
    ids=["redirect", "large", "error"],
)
def test_answers_that_are_not_taken(guarded: GuardedHttp, reply: Reply) -> None:
    with outside_server() as outside:
        outside.replies["/x"] = reply
        with pytest.raises(OutboundError):
            guarded.get(f"{outside.url}/x")
        assert [sent.path for sent in outside.sent] == ["/x"]


def test_a_slow_answer_is_given_up(guarded: GuardedHttp) -> None:
    with outside_server() as outside:
        outside.replies["/x"] = _slow
        with pytest.raises(OutboundError, match="reached"):
            guarded.get(f"{outside.url}/x")


def test_what_is_kept_is_asked_once_in_its_time(guarded: GuardedHttp) -> None:
    with outside_server() as outside:
        url = _serve(outside)
        assert [guarded.get_kept(url).content for _ in range(3)] == [b"1"] * 3
        assert guarded.get_kept(url, seconds=0).content == b"1"
        assert len(outside.sent) == 2


def _serve(outside: Outside) -> str:
    return outside.serve("/kept", b"1")

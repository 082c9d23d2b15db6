import hashlib
import threading
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from identity.accounts import breached, passwords
from identity.accounts.breached import is_breached
from identity.accounts.rules import check_new_password, is_common
from identity.accounts.settings import PeopleSettings
from shared.errors import Invalid, Problem
from tests.identity.people import PASSWORD, People

EMAIL = "morag.fictional@person.example"


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "P4ssw0rd!!!!", "qwertyuiop12", "1234567890", "abcdefghijk"),
        *("aaaaaaaaaaaa", "monkeydragon", "liverpool2024", "football!football!", "ILoveYou1234"),
        *("morag-garden-7", "fictional1999", "clachan-garden", "scotland forever", "5c0tland!now"),
    ],
)
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_new_password(password, EMAIL)
    assert [fault.field for fault in refused.value.fields] == ["password"]


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "xk7#mQ2!vL9z",
        "tri faclan neònach",
        "correct-battery-otter",
        "ピアノ猫山川海空星月花",
    ],
    ids=["three words", "random", "Gaelic", "with dashes", "no Latin letters"],
)
def test_what_is_hard_to_guess_needs_no_kinds_of_signs(password: str) -> None:
    assert check_new_password(password, EMAIL)
    assert not is_common(password)


def _digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@pytest.fixture(params=["folder", "folder of .txt", "one file"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A list of stolen passwords as an operator may bring it."""
    stolen = sorted(_digest(f"stolen kettle {number}") for number in range(500))
    if request.param == "one file":
        path = tmp_path / "pwned.txt"
        path.write_text("".join(f"{digest}:{number}\n" for number, digest in enumerate(stolen, 1)))
        return path
    ending = ".txt" if request.param.endswith(".txt") else ""
    for digest in stolen:
        with (tmp_path / f"{digest[:5]}{ending}").open("a") as file:
            file.write(f"{digest[5:]}:3\n")
    padded = _digest("padding")
    with (tmp_path / f"{padded[:5]}{ending}").open("a") as file:
        file.write(f"{padded[5:]}:0\n")
    return tmp_path


def test_stolen_passwords_are_found_wherever_they_stand(source: Path) -> None:
    assert all(is_breached(source, f"stolen kettle {number}") for number in range(500))
    assert not any(is_breached(source, f"own kettle {number}") for number in range(100))
    assert not is_breached(source, "padding")


def test_a_list_that_is_not_there_is_a_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        is_breached(tmp_path / "nowhere", "anything")


def test_a_stolen_password_is_refused_on_the_page(
    people: People, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = PeopleSettings(environment="test", breached_passwords=source)
    monkeypatch.setattr(breached, "get_people_settings", lambda: settings)
    answer = people.send(
        "/identity/create-account", email="ann@person.example", password="stolen kettle 7"
    )
    assert answer.status_code == 422
    assert "found in stolen data" in answer.text
    assert people.world.scalar("SELECT count(*) FROM attempt") == 0


def test_a_full_queue_refuses_at_once_with_a_time_to_come_back() -> None:
    pool = passwords.Pool(1, 1, wait_seconds=5)
    inside, leave, waiting = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with pool:
            inside.set()
            leave.wait(10)

    def queue() -> None:
        waiting.set()
        with pool:
            pass

    holder, second = threading.Thread(target=hold), threading.Thread(target=queue)
    holder.start()
    assert inside.wait(5)
    second.start()
    assert waiting.wait(5)
    while pool._entries._value:
        pass
    with pytest.raises(Problem) as refused, pool:
        pass
    assert refused.value.status == 503
    assert refused.value.retry_after_seconds == 30
    leave.set()
    holder.join(5)
    second.join(5)
    with pool:
        pass


def test_a_place_that_does_not_come_free_is_refused() -> None:
    pool = passwords.Pool(1, 5, wait_seconds=0.05)
    with pool, pytest.raises(Problem), pool:
        pass
    with pool:
        pass


def test_a_hash_of_old_parameters_is_renewed_at_sign_in(people: People) -> None:
    people.sign_up()
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    people.world.execute("UPDATE account SET password_hash = :old", old=old)
    wrong = people.send("/identity/sign-in", email="ann@person.example", password="wrong one!")
    assert wrong.status_code == 422
    assert people.world.scalar("SELECT password_hash FROM account") == old
    people.sign_in()
    fresh = str(people.world.scalar("SELECT password_hash FROM account"))
    assert fresh.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    people.sign_in()
    assert people.world.scalar("SELECT password_hash FROM account") == fresh


def test_what_is_no_hash_matches_nothing_and_takes_as_long() -> None:
    for stored in (None, "", "!", "none"):
        assert not passwords.matches(stored, "nobody has this password")
        assert not passwords.needs_rehash(stored or "")

"""The story of a grant told over HTTP by patient people: a citizen, and the finance team.

They go by what the page in front of them asks, as people do: a page that does not come is asked
for again, a form that got no answer is sent again, and whoever lands on an error page goes back to
where they started and on from there. So the story ends even while processes are killed under it,
and what it left behind shows whether sending twice did anything twice.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.support.patient_browser import Browser, Inbox

SERVICE = "winter-heating-grant"
_PAUSE_SECONDS = 0.25
_MOST_PAGES = 300


def _nothing(_phase: str) -> None:
    return


@dataclass
class Person:
    """Somebody who can sign up and sign in; ``on_phase`` is told what comes now."""

    browser: Browser
    inbox: Inbox
    email: str
    password: str
    has_account: bool = False
    on_phase: Callable[[str], None] = _nothing
    code_seconds: float = 20
    _codes: set[str] = field(default_factory=set)
    _phases: set[str] = field(default_factory=set)

    def tell(self, phase: str) -> None:
        """Say that a phase begins, the first time that it does."""
        if phase not in self._phases:
            self._phases.add(phase)
            self.on_phase(phase)

    def sign_in_page(self) -> bool:
        """Do what a page of signing in or up asks; tells whether the page was one."""
        path = self.browser.path
        if self.browser.status >= 400 and self.browser.status != 422:
            return False
        if path == "/identity/sign-in":
            self._sign_in()
        elif path == "/identity/create-account":
            self.tell("sign-up")
            self.browser.send({"email": self.email, "password": self.password})
        elif path.startswith("/identity/") and path.endswith("/code"):
            self._use_code(is_new=path.startswith("/identity/create-account"))
        else:
            return False
        return True

    def _sign_in(self) -> None:
        if not self.has_account:
            self.browser.follow("Create an account")
            return
        self.tell("sign-in")
        self.browser.send({"email": self.email, "password": self.password})
        # A sign-up whose answer was lost may not have come to its end either.
        if self.browser.path == "/identity/sign-in" and self.browser.status == 422:
            self.has_account = False

    def _use_code(self, *, is_new: bool) -> None:
        self.tell("code")
        end = time.monotonic() + self.code_seconds
        while time.monotonic() < end:
            fresh = [code for code in self.inbox.codes(self.email) if code not in self._codes]
            if fresh:
                self._codes.add(fresh[0])
                self.has_account = self.has_account or is_new
                self.browser.send({"code": fresh[0]})
                return
            time.sleep(_PAUSE_SECONDS)
        self.browser.send({}, action="/code/again")


ANSWERS: Mapping[str, Mapping[str, str]] = {
    "lives-in-scotland": {"lives_in_scotland": "yes"},
    "pays-for-heating": {"pays_for_heating": "yes"},
    "lives-in-care-home": {"lives_in_care_home": "no"},
    "date-of-birth": {
        "date_of_birth-day": "27",
        "date_of_birth-month": "3",
        "date_of_birth-year": "1954",
    },
    "eligibility": {"choice": "continue"},
    "heating-fuel": {"heating_fuel": "gas"},
    "check-answers": {"declaration": "yes"},
}
DETAILS: Mapping[str, str] = {
    "given_name": "Morag",
    "family_name": "Fictional",
    "birth_date-day": "27",
    "birth_date-month": "3",
    "birth_date-year": "1954",
    "address_line_1": "1 Example Street",
    "town": "Strathclachan",
    "postcode": "EH1 1AA",
    "document": "passport",
}
_STEPS = {"prove-identity": "verify", "bank-account": "bank-details", "check-answers": "submit"}


@dataclass
class Citizen(Person):
    """A pensioner who applies for the heating grant, from the first question to the reference."""

    account: str = "10000012"
    sort_code: str = "99-00-01"
    account_name: str = "Morag Fictional"
    reference: str = ""

    def apply(self) -> str:
        """Go the whole way, and return the case's reference."""
        self.walk("/confirmation")
        self.reference = self.browser.path.split("/")[3]
        return self.reference

    def check_eligibility(self) -> None:
        """Answer the questions until the answer of the rules is there."""
        self.walk("/eligibility")

    def sign_up(self) -> None:
        """Create an account, or sign in, and come back to the application."""
        self.walk("/prove-identity")

    def verify(self) -> None:
        """Show who one is, and choose what is kept and shared."""
        self.walk("/heating-fuel")

    def give_bank_details(self) -> None:
        """Give an account and have its name checked."""
        self.walk("/check-answers")

    def submit(self) -> str:
        """Send the application, and return the case's reference."""
        return self.apply()

    def walk(self, until: str) -> None:
        """Do what each page asks until a good page's path ends so."""
        start = f"/journeys/{SERVICE}"
        if not self.browser.path.startswith(start) and not self.browser.path.endswith(until):
            self.browser.open(start)
        for _ in range(_MOST_PAGES):
            if self.browser.status < 400 and self.browser.path.endswith(until):
                return
            self._step(start)
        raise AssertionError(f"never reached {until}: {self.browser.trail[-20:]}")

    def _step(self, start: str) -> None:
        browser = self.browser
        if browser.status == 422 or browser.status < 400:
            if self.sign_in_page() or self._prove() or self._apply(start):
                return
            raise AssertionError(f"{browser.status} {browser.url} is not in the story")
        assert browser.status != 500, f"{browser.trail[-8:]}: {browser.main}"
        time.sleep(_PAUSE_SECONDS)
        browser.open(start)

    def _apply(self, start: str) -> bool:
        browser, path = self.browser, self.browser.path
        key = path.rsplit("/", 1)[1]
        if browser.status == 422 and key != "account-check":
            raise AssertionError(f"{path} refused: {browser.main}")
        if path == start:
            if browser.has("//main//form[contains(@action, '/discard')]"):
                browser.follow("Continue")
            else:
                browser.send({}, action=start)
        elif not path.startswith("/journeys/"):
            return False
        elif key in ("tasks", "sign-in"):
            browser.open(browser.tree.xpath("//main//a[contains(@class, 'ds_button')]/@href")[0])
        else:
            self.tell(_STEPS.get(key, "eligibility"))
            self._answer(key)
        return True

    def _answer(self, key: str) -> None:
        browser = self.browser
        if key == "bank-account":
            browser.send(
                {
                    "bank_account-name": self.account_name,
                    "bank_account-type": "personal",
                    "bank_account-sort": self.sort_code,
                    "bank_account-account": self.account,
                }
            )
        elif key == "account-check":
            time.sleep(_PAUSE_SECONDS)
            browser.send({"choice": "try_again"})
        elif key == "prove-identity":
            browser.send({}, action=key)
        else:
            browser.send(ANSWERS[key])

    def _prove(self) -> bool:
        """Do what a page of the identity check asks; tells whether the page was one."""
        browser, path = self.browser, self.browser.path
        if path.startswith("/capture/"):
            self.tell("capture")
            if browser.has("//input[@name='persona']"):
                browser.send({"document": "passport", "persona": "verified"})
            else:
                browser.follow("Go back")
        elif path == "/identity/verify":
            browser.follow("Continue")
        elif path == "/identity/verify/details":
            browser.send(DETAILS)
        elif path == "/identity/verify/hand-over":
            browser.open(browser.tree.xpath("//main//a[contains(@class, 'ds_button')]/@href")[0])
        elif path == "/identity/verify/return":
            # A killed process may hold the check for half a minute.
            time.sleep(2 * _PAUSE_SECONDS)
            browser.follow("Look again")
        elif path == "/identity/verify/outcome":
            browser.follow("Continue")
        elif path == "/identity/verify/store":
            self.tell("store")
            browser.send({"store": "yes"})
        elif path == "/identity/consent":
            self.tell("consent")
            names = set(browser.tree.xpath("//main//input[@type='radio']/@name"))
            browser.send(dict.fromkeys(names, "yes"))
        else:
            return False
        return True


@dataclass
class Finance(Person):
    """A member of a finance team at the payments console."""

    has_account: bool = True

    def sign_in(self) -> None:
        """Sign in at the console; going there again when something is in the way."""
        self.browser.open("/payments/")
        for _ in range(_MOST_PAGES):
            if self.browser.status < 400 and self.browser.path.startswith("/payments/"):
                return
            if not self.sign_in_page():
                assert self.browser.status != 500, f"{self.browser.url}: {self.browser.main}"
                time.sleep(_PAUSE_SECONDS)
                self.browser.open("/payments/")
        raise AssertionError(f"never signed in: {self.browser.trail[-20:]}")

    def runs(self, state: str) -> list[str]:
        """Return the paths of the body's runs in a state."""
        self._look(f"/payments/runs?state={state}")
        links = self.browser.tree.xpath("//main//a/@href")
        return [link for link in links if re.fullmatch(r"/payments/runs/[0-9a-f-]{36}", link)]

    def put_forward(self) -> list[str]:
        """Put every collecting run forward, and return their paths."""
        return self._each("collecting", "/put-forward")

    def approve(self) -> list[str]:
        """Approve every run that waits for it, and return their paths."""
        return self._each("awaiting_approval", "/approve")

    def _each(self, state: str, action: str) -> list[str]:
        runs = self.runs(state)
        for run in runs:
            self.tell(action.strip("/"))
            for _ in range(_MOST_PAGES):
                self._look(run)
                if not self.browser.has(f"//form[contains(@action, '{action}')]"):
                    break
                self.browser.send({}, action=action)
        return runs

    def _look(self, path: str) -> None:
        for _ in range(_MOST_PAGES):
            self.browser.open(path)
            if self.browser.path.startswith("/identity/"):
                self.sign_in()
            elif self.browser.status < 400:
                return
            time.sleep(_PAUSE_SECONDS)
        raise AssertionError(f"{path}: {self.browser.status} {self.browser.main}")

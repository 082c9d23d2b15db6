"""A citizen's way through the Winter Heating Grant, from search to confirmation."""

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, expect

from tests.journeys.steps import PATIENCE_MS, Visitor
from tests.support.platform import Platform

SERVICE = "winter-heating-grant"
PASSWORD = "heather granite ferry"


@dataclass(frozen=True)
class Person:
    """Who somebody says they are, and the account that is theirs."""

    given_name: str
    family_name: str
    account_number: str
    email: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


MORAG = Person("Morag", "Fictional", "10000012", "morag@person.example")
FIONA = Person("Fiona", "Notreal", "10000099", "fiona@person.example")  # an account that is closed


class Citizen(Visitor):
    """A citizen in a browser of their own; a step with ``tries_wrong`` is refused first."""

    def __init__(
        self,
        platform: Platform,
        context: BrowserContext,
        person: Person,
        *,
        looks: bool = False,
        tries_wrong: bool = False,
    ) -> None:
        super().__init__(context, looks=looks)
        self.platform = platform
        self.person = person
        self.tries_wrong = tries_wrong
        self.sent_form: dict[str, str] = {}

    def send_nothing(self, *fields: str, button: str = "Continue", shot: str = "") -> None:
        """Send a form empty and fail unless it names these fields and nothing was stored."""
        if not self.tries_wrong:
            return
        before = self.stored()
        self.press(button)
        self.refused(*fields)
        assert self.stored() == before, f"{self.page.url} stored something"
        if shot:
            self.look(shot)

    def stored(self) -> dict[str, tuple[object, ...]]:
        """Return marks of what a refused form of a citizen must leave alone."""
        return self.platform.marks(
            *("gateway.instance", "gateway.instance_event", "gateway.decision", "gateway.payout"),
            *("identity.account", "identity.attempt", "identity.sign_in_session"),
            *("identity.verification", "identity.safe_item", "identity.sharing_event"),
            *("payments.payment", "notifications.mailbox_message"),
        )

    def find_service(self) -> None:
        """Find the service in one's own words, without knowing who supplies it."""
        self.page.goto(self.platform.url)
        self.look("01-home")
        self.page.get_by_label("What do you need?").fill("help with heating")
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        first = self.page.locator(".ds_search-results a").first
        expect(first).to_have_text("Winter Heating Grant")
        self.look("02-search")
        self.press("Winter Heating Grant")
        self.look("03-service")
        self.press("Check if you can get it")
        self.look("04-start")
        self.press("Start now")

    def check_eligibility(self) -> None:
        """Answer the questions in the order in which they come, and see the answer's reasons."""
        asked = []
        while "/eligibility" not in self.page.url:
            name = self.page.url.rsplit("/", 1)[-1].replace("-", "_")
            asked.append(name)
            assert len(asked) < 6, asked
            first = f"{name}-day" if name == "date_of_birth" else name
            self.look(f"05-{name}")
            self.send_nothing(first, shot=f"05-{name}-refused")
            self.answer(name)
            self.press("Continue")
        assert "date_of_birth" in asked
        assert "qualifying_benefit" not in asked, "asked though the age decides"
        self.sees("You are likely to get this")
        words = self.text()
        assert "you could get £250.00" in words
        assert "You are of pension age or receive a qualifying benefit." in words
        assert "Illustrative Scheme 2026, paragraph 3(2)" in words
        self.look("06-eligibility")
        self.press("Apply now")
        self.look("07-sign-in")

    def answer(self, name: str) -> None:
        """Give the answer of a pensioner to one question."""
        if name == "date_of_birth":
            self.type_date(name)
        else:
            self.choose("No" if name == "lives_in_care_home" else "Yes")

    def type_date(self, name: str) -> None:
        """Type the date of birth of both citizens."""
        for part, value in (("day", "27"), ("month", "3"), ("year", "1954")):
            self.page.fill(f'[name="{name}-{part}"]', value)

    def create_account(self) -> None:
        """Create an account with a mailed code, and come back to the application."""
        self.press("Sign in or create an account")
        self.look("08-identity-sign-in")
        self.send_nothing("email", "password", shot="08-identity-sign-in-refused")
        self.press("Create an account")
        self.look("09-create-account")
        self.send_nothing("email", "password", shot="09-create-account-refused")
        self.fill(email=self.person.email, password=PASSWORD)
        self.press("Continue")
        self.sees("Check your email")
        self.look("10-code")
        self.send_nothing("code", shot="10-code-refused")
        self.fill(code=self.platform.code_for(self.person.email))
        self.press("Continue")
        self.sees("Your application")
        assert "Check if you are eligible Complete Sign in Complete" in self.text()
        self.look("11-tasks")

    def prove_identity(self) -> None:
        """Have a document checked by the stand-in, save the result, and share it."""
        self.press("Continue")
        self.look("12-prove-identity")
        self.press("Continue")
        self.sees("Show who you are")
        self.look("13-verify")
        self.press("Continue")
        self.look("14-details")
        self.send_nothing(
            *("given_name", "family_name", "birth_date-day", "address_line_1", "town"),
            *("postcode", "document"),
            shot="14-details-refused",
        )
        self.fill(given_name=self.person.given_name, family_name=self.person.family_name)
        self.type_date("birth_date")
        self.fill(address_line_1="12 Invented Street", town="Strathclachan", postcode="ZZ9 9ZZ")
        self.choose("Passport")
        self.press("Continue")
        self.look("15-hand-over")
        self.press("Go to the document check")
        self.look("16-document-check")
        self.page.get_by_label("Everything matches").check()
        self.press("Take the pictures")
        self.wait_for_outcome()
        self.look("17-outcome")
        self.press("Continue")
        self.agree()

    def wait_for_outcome(self) -> None:
        """Look again until the check has come back, as the page says one should."""
        for _ in range(20):
            if self.page.locator("h1").inner_text() == "We know who you are":
                return
            self.page.wait_for_timeout(500)
            self.press("Look again")
        self.sees("We know who you are")

    def agree(self) -> None:
        """Agree to storing and, on a page of its own, to sharing."""
        self.sees("Save your details for next time")
        self.look("18-store")
        self.send_nothing("store", shot="18-store-refused")
        self.choose_value("store", "yes")
        self.press("Continue")
        self.sees("Choose what to share with “Apply for public services”")
        self.look("19-share")
        names = [
            str(box.get_attribute("name"))
            for box in self.page.locator('input[type="radio"][value="yes"]').all()
        ]
        assert len(names) == 2
        self.send_nothing(*names, shot="19-share-refused")
        for name in names:
            self.choose_value(name, "yes")
        self.press("Continue")
        self.sees("Your application")
        assert "Prove who you are Complete" in self.text()

    def tell_about_home(self) -> None:
        """Answer the service's own question."""
        self.press("Continue")
        self.look("20-heating-fuel")
        self.send_nothing("heating_fuel")
        self.choose("Mains gas")
        self.press("Continue")
        self.sees("Your application")
        self.press("Continue")
        self.sees("Which account should we pay the grant into?")

    def give_account(self, name: str, sort_code: str, number: str) -> None:
        """Fill in bank details and have them checked."""
        self.fill(bank_account__name=name, bank_account__sort=sort_code)
        self.fill(bank_account__account=number)
        self.choose("Personal")
        self.press("Check this account")

    def give_own_account(self) -> None:
        """Give details that match."""
        self.give_account(self.person.name, "99-00-01", self.person.account_number)
        self.sees("Your application")
        assert "How we pay you Complete" in self.text()

    def send(self) -> str:
        """Review, declare and send; returns the reference on the confirmation page."""
        self.press("Continue")
        self.sees("Check your answers and send")
        words = self.text()
        for answer in ("27 March 1954", self.person.family_name, "12 Invented Street", "Mains gas"):
            assert answer in words, f"{answer} is not among the answers"
        assert self.person.account_number not in words, "the whole account number is shown"
        self.look("25-review")
        self.send_nothing("declaration", button="Confirm and send", shot="25-review-refused")
        self.page.get_by_label("The information I have given is correct").check()
        self.sent_form = {
            str(field.get_attribute("name")): field.input_value()
            for field in self.page.locator("main form input").all()
        }
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Confirm and send").dblclick()
        expect(self.page).to_have_title("Application sent – Winter Heating Grant")
        self.look("26-confirmation")
        return self.page.url.split("/")[-2]

    def apply(self) -> str:
        """Do everything from the search to the confirmation; returns the reference."""
        self.find_service()
        self.check_eligibility()
        self.create_account()
        self.prove_identity()
        self.tell_about_home()
        self.give_own_account()
        return self.send()

    def case_says(self, reference: str, *sentences: str) -> None:
        """Load the case's page until it says all of this."""
        address = f"{self.platform.url}/journeys/cases/{reference}"
        for _ in range(PATIENCE_MS // 500):
            self.page.goto(address)
            words = self.text()
            if all(sentence in words for sentence in sentences):
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"{sentences} are not all in: {words}")

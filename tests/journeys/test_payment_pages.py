"""Every page that the console's navigation leads to: accessible, both widths, both languages."""

import pytest
from playwright.sync_api import Browser

from tests.journeys.finance import APPROVER, Officer
from tests.support.platform import Platform

pytestmark = pytest.mark.browser
RECONCILER = "reconciler@strathclachan.example"
ADMINISTRATOR = "administrator@strathclachan.example"
AUDITOR = "auditor@strathclachan.example"
# Every page that people of these roles are led to by the navigation.
PAGES = {
    APPROVER: ("", "runs", "uploads", "holds", "calendar", "payees", "screening", "vouchers"),
    RECONCILER: (
        *("work", "submissions", "bank/reports", "reconciliation", "reconciliation/exceptions"),
        *("reconciliation/import", "ledger", "ledger/balances", "periods", "gl"),
    ),
    ADMINISTRATOR: ("controls", "settings", "settings/journal", "webhooks"),
    AUDITOR: (
        *("audit", "audit/duties", "audit/people", "audit/sample", "reports"),
        *("reports/prompt-payment", "reports/month-end", "payees/overrides"),
    ),
}


@pytest.mark.parametrize("address", PAGES)
def test_pages_are_accessible_at_both_widths_and_speak_gaelic(
    platform: Platform, browser: Browser, address: str
) -> None:
    context = browser.new_context()
    one = Officer(platform, context, address, looks=True)
    one.sign_in_anywhere()
    role = address.split("@", maxsplit=1)[0]
    for page in PAGES[address]:
        one.open(page)
        one.look(f"95-{role}-{page.replace('/', '-') or 'today'}")
    for page in PAGES[address]:
        one.open(f"{page}?lang=gd")
        assert one.page.locator("html").get_attribute("lang") == "gd"
    context.close()

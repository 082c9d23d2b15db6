"""English and Gaelic: a switch in the middle of the questions loses nothing."""

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.citizen import SERVICE
from tests.journeys.steps import Visitor
from tests.support.platform import Platform

pytestmark = pytest.mark.browser


def test_switching_the_language_keeps_the_answers(platform: Platform, browser: Browser) -> None:
    context = browser.new_context()
    visitor = Visitor(context, looks=True)
    page = visitor.page
    page.goto(f"{platform.url}/journeys/{SERVICE}")
    visitor.press("Start now")
    visitor.choose("Yes")
    visitor.press("Continue")
    question = page.url
    with page.expect_navigation():
        page.get_by_role("link", name="Gàidhlig").click()
    assert page.url.split("?", maxsplit=1)[0] == question
    expect(page.locator("html")).to_have_attribute("lang", "gd")
    page.goto(f"{platform.url}/journeys/{SERVICE}/lives-in-scotland")
    visitor.sees("A bheil thu a’ fuireach ann an Alba?")
    expect(page.locator('input[value="yes"]')).to_be_checked()
    visitor.look("80-question-gaelic")
    with page.expect_navigation():
        page.get_by_role("link", name="English").click()
    visitor.sees("Do you live in Scotland?")
    expect(page.locator('input[value="yes"]')).to_be_checked()
    context.close()

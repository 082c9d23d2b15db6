"""The console in a browser: registered without a script, accessible on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.identity.oidc.world import ec_key
from tests.journeys.steps import sign_in_as  # type: ignore[attr-defined]
from tests.support.browser import assert_accessible, screenshot
from tests.support.platform import Platform

"""Every module of every claimed plan has a test of its name in this folder."""

import ast
from pathlib import Path

import pytest

from tests.identity.conformance.modules import MODULES, function_of

_COUNTS = {
    "oidcc-basic-certification-test-plan": 38,
    "oidcc-implicit-certification-test-plan": 31,
    "oidcc-hybrid-certification-test-plan": 37,
    "oidcc-formpost-basic-certification-test-plan": 38,
    "oidcc-formpost-implicit-certification-test-plan": 31,
    "oidcc-formpost-hybrid-certification-test-plan": 37,
    "oidcc-config-certification-test-plan": 1,
    "oidcc-dynamic-certification-test-plan": 23,
    "oidcc-3rdparty-init-login-certification-test-plan": 2,
    "oidcc-rp-initiated-logout-certification-test-plan": 11,
    "oidcc-backchannel-rp-initiated-logout-certification-test-plan": 2,
    "oidcc-frontchannel-rp-initiated-logout-certification-test-plan": 2,
    "oidcc-session-management-certification-test-plan": 2,
    "fapi2-security-profile-final-test-plan": 57,
    "fapi2-message-signing-final-test-plan": 71,
    "fapi-ciba-id1-test-plan": 43,
}


def _functions() -> set[str]:
    """Return the names of the test functions of this folder."""
    return {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }


def test_no_module_is_forgotten_or_named_twice() -> None:
    assert {plan: len(set(modules)) for plan, modules in MODULES.items()} == _COUNTS
    assert {plan: len(modules) for plan, modules in MODULES.items()} == _COUNTS


@pytest.mark.parametrize("plan", MODULES)
def test_every_module_of_the_plan_has_a_test(plan: str) -> None:
    present = _functions()
    missing = [module for module in MODULES[plan] if function_of(module) not in present]
    assert not missing, f"{plan} has modules without a test"

"""Accounts with a fate: closed, transferred, deceased; read from the demo's list each time."""

from pathlib import Path

import yaml

# Flag in the list: code of the return report, what it says there, reason on the statement.
RETURNS = {
    "invalid": ("0", "INVALID DETAILS", "AC01"),
    "deceased": ("2", "BENEFICIARY DECEASED", "MD07"),
    "transferred": ("3", "ACCOUNT TRANSFERRED", "TRANSFERRED"),
    "unknown": ("5", "NO ACCOUNT", "AC01"),
    "closed": ("B", "ACCOUNT CLOSED", "AC04"),
}
# A credit to such an account is applied to another: fourteen digits, and told by AWACS.
APPLIED_TO = "applied_to"
# The format of an account's statements over SFTP, camt.053 where the list says nothing.
STATEMENTS = "statements"
REJECTED_ON_INPUT = "reject_on_input"
BY_CODE = {code: (words, iso) for code, words, iso in RETURNS.values()} | {
    "C": ("REQUESTED BY REMITTER", "CUST")
}


def load(path: Path | None) -> dict[tuple[str, str], dict[str, object]]:
    """Return the flags of each listed account; an absent list is an empty one."""
    if path is None or not path.exists():
        return {}
    listed = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    rows = listed.get("accounts", []) if isinstance(listed, dict) else listed
    return {
        (str(row["sort_code"]), str(row["account_number"])): _flags(row.get("flags"))
        for row in rows
    }


def _flags(value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return {str(name): setting for name, setting in value.items() if setting}
    return {str(name): True for name in value} if isinstance(value, list) else {}


def return_code(flags: dict[str, object], account: str) -> str | None:
    """Return the code with which a credit to an account comes back, or None when it stays."""
    for name, (code, _, _) in RETURNS.items():
        if flags.get(name):
            return code
    return RETURNS["unknown"][0] if account.endswith("99") else None

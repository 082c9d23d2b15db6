"""The simulator's one page: which names and accounts give which answer."""

from html import escape

from payments.payees.simulator.directory import Account
from payments.payees.simulator.faults import SAYINGS, Fault

STYLE = """
body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #b3b3b3; padding: .5rem; text-align: left; vertical-align: top; }
.scroll { overflow-x: auto; }
code { font-size: 1rem; white-space: nowrap; }
"""

_TRY = (
    ("Match", "Morag Fictional, personal, 99-00-01, 10000012", "type the name as it is held"),
    ("Close match", "Moragh Fictional with the same account", "the held name is shown"),
    ("Close match, other type", "Morag Fictional, business", "PANM: offers the type correction"),
    ("No match", "Somebody Else with the same account", "ANNM"),
    ("No such account", "any name, 99-00-01, 11111111", "AC01"),
    ("Unable to check", "Innes Pretend, 99-00-02, 20000039", "OPTO: the holder opted out"),
    ("Unable to check", "Kirsty Invented, 99-00-02, 20000041", "CASS: the account was switched"),
    ("Unavailable", "Duncan Placeholder, 99-00-02, 20000053", "the bank never answers in time"),
    ("Unavailable", "Calum Outage, 99-00-02, 20000077", "the bank answers with an error"),
    ("Roll number", "Ailsa Buildsoc, 99-00-04, 40000011", "needs GLN/12345-6, else IVCR"),
    (
        "Returned later",
        "Fiona Notreal, 99-00-01, 10000099",
        "matches; the bank returns the money",
    ),
)


def accounts_page(accounts: list[Account], fault: Fault) -> str:
    """Return the page as HTML; every value from the directory is escaped."""
    tries = "".join(
        f"<tr><th scope=row>{escape(a)}</th><td>{escape(b)}</td><td>{escape(c)}</td></tr>"
        for a, b, c in _TRY
    )
    rows = "".join(_row(account) for account in accounts)
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        "<title>Simulated Confirmation of Payee</title><link rel=stylesheet href=/style.css></head>"
        "<body><main><h1>Simulated Confirmation of Payee</h1>"
        "<p>This stands in for the payees' banks. Everybody here is invented.</p>"
        f"<p>Now it {escape(SAYINGS[fault.kind])}."
        " <code>PUT /admin/fault</code> orders another way.</p>"
        "<h2>What to try</h2><div class=scroll role=region tabindex=0 aria-label='What to try'>"
        "<table><thead><tr><th scope=col>Answer</th><th scope=col>Type this</th>"
        f"<th scope=col>Why</th></tr></thead><tbody>{tries}</tbody></table></div>"
        "<h2>All accounts</h2><div class=scroll role=region tabindex=0 aria-label='All accounts'>"
        "<table><thead><tr><th scope=col>Account</th><th scope=col>Type</th>"
        "<th scope=col>Holders</th><th scope=col>Special</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></main></body></html>"
    )


def _row(account: Account) -> str:
    code = account.sort_code
    special = [
        f"{name}={value}" if value is not True else name
        for name, value in account.flags.model_dump().items()
        if value
    ]
    if account.secondary:
        special.append(f"roll number {account.secondary}")
    return (
        f"<tr><td><code>{code[:2]}-{code[2:4]}-{code[4:]} {account.account_number}</code></td>"
        f"<td>{account.type}</td><td>{escape(' and '.join(account.holders))}</td>"
        f"<td>{escape(', '.join(special))}</td></tr>"
    )

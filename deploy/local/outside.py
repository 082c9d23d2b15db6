"""What a program outside the platform needs to know: the lines of `make env`.

One table; whoever adds a client, a key or a page that outsiders use adds a row here, and the row's
name to docs/how-to/run-locally.md.
"""

from deploy.local.environment import Installation, service_environment


def outside_values(place: Installation) -> dict[str, str]:
    """Return names and values in the order they are printed; nothing in them opens the database."""
    public, keys = place.ports.public_url, place.home.keys
    identity = service_environment("identity", place)
    return {
        "CLACHAN_PUBLIC_URL": public,
        "CLACHAN_OIDC_ISSUER": f"{public}/identity/oidc",
        "CLACHAN_OIDC_DISCOVERY": f"{public}/identity/oidc/.well-known/openid-configuration",
        "CLACHAN_OIDC_TOKEN_URL": f"{public}/identity/oidc/token",
        "CLACHAN_SCOTACCOUNT_ISSUER": f"{public}/identity/scotaccount",
        "CLACHAN_ONELOGIN_ISSUER": f"{public}/identity/onelogin/",
        "CLACHAN_JOURNEYS_CLIENT_ID": "clachanjourn1",
        "CLACHAN_JOURNEYS_KEY_FILE": str(keys / "clachanjourn1.pem"),
        "CLACHAN_GLENMORE_CLIENT_ID": "glenmore-repairs",
        "CLACHAN_GLENMORE_KEY_FILE": str(keys / "glenmore-repairs.pem"),
        "CLACHAN_SERVICE_CLIENT_ID": "gateway-service",
        "CLACHAN_SERVICE_KEY_FILE": str(keys / "gateway-service.pem"),
        "CLACHAN_FINANCE_CLIENT_ID": "strathclachan-finance",
        "CLACHAN_FINANCE_CLIENT_SECRET": (keys / "strathclachan-finance.secret")
        .read_text()
        .strip(),
        "CLACHAN_SANDBOX_CLIENT_ID": "sandbox-oidc",
        "CLACHAN_SANDBOX_CLIENT_SECRET": (keys / "sandbox-oidc.secret").read_text().strip(),
        "CLACHAN_SANDBOX_SCOTACCOUNT_CLIENT_ID": "sandboxscot01",
        "CLACHAN_SANDBOX_SCOTACCOUNT_KEY_FILE": str(keys / "sandboxscot01.pem"),
        "CLACHAN_SANDBOX_ONELOGIN_CLIENT_ID": "sandbox-onelogin",
        "CLACHAN_SANDBOX_ONELOGIN_KEY_FILE": str(keys / "sandbox-onelogin.pem"),
        "CLACHAN_PERSONAS_CLIENT_ID": "personas-oidc",
        "CLACHAN_PERSONAS_CLIENT_SECRET": (keys / "personas-oidc.secret").read_text().strip(),
        "CLACHAN_PERSONAS_SCOTACCOUNT_CLIENT_ID": "personasscot1",
        "CLACHAN_PERSONAS_SCOTACCOUNT_KEY_FILE": str(keys / "personasscot1.pem"),
        "CLACHAN_PERSONAS_ONELOGIN_CLIENT_ID": "personas-onelogin",
        "CLACHAN_PERSONAS_ONELOGIN_KEY_FILE": str(keys / "personas-onelogin.pem"),
        "CLACHAN_PERSONAS_API": f"{public}/identity/v1/sandbox",
        "CLACHAN_STRICT_ISSUER": f"{public}/identity/strict",
        "CLACHAN_SANDBOX_STRICT_CLIENT_ID": "sandbox-strict",
        "CLACHAN_SANDBOX_STRICT_KEY_FILE": str(keys / "sandbox-strict.pem"),
        "CLACHAN_SANDBOX_REDIRECT_URI": identity["IDENTITY_SANDBOX_REDIRECT_URI"],
        "CLACHAN_IDENTITY_API": f"{public}/identity/v1",
        "CLACHAN_PAYMENTS_API": f"{public}/payments/v1",
        "CLACHAN_NOTIFICATIONS_API": f"{public}/notifications/v1",
        "CLACHAN_GATEWAY_API": f"{public}/gateway/v1",
        "CLACHAN_BANK_SIMULATOR_URL": place.local_url("BANK"),
        "CLACHAN_BANK_SFTP_ADDRESS": f"127.0.0.1:{place.ports['BANK_SFTP']}",
        "CLACHAN_PAYEE_NAMES_SIMULATOR_URL": place.local_url("PAYEE_NAMES"),
        "CLACHAN_DOCUMENT_CHECK_SIMULATOR_URL": place.local_url("DOCUMENT_CHECK"),
        "CLACHAN_SMTP_ADDRESS": f"127.0.0.1:{place.ports['SMTP']}",
        "CLACHAN_INBOX_URL": place.local_url("INBOX"),
        "CLACHAN_SMPP_ADDRESS": f"127.0.0.1:{place.ports['SMPP']}",
        "CLACHAN_VOICE_SIMULATOR_URL": place.local_url("VOICE"),
        "CLACHAN_GOVSTACK_URL": f"http://localhost:{place.ports['GOVSTACK']}",
        "CLACHAN_GLENMORE_URL": f"http://localhost:{place.ports['GLENMORE']}",
        "CLACHAN_HOME": str(place.home.path),
        "CLACHAN_LOGS": str(place.home.logs),
    }


def welcome(place: Installation) -> str:
    """Return what to open and who to sign in as, for somebody who has just started it."""
    public = place.ports.public_url
    pages = (
        ("Catalogue of services", f"{public}/"),
        ("Payments console", f"{public}/payments/"),
        ("Citizen's mailbox", f"{public}/notifications/"),
        ("Another body's application", f"http://localhost:{place.ports['GLENMORE']}/"),
        ("GovStack sandbox API", f"http://localhost:{place.ports['GOVSTACK']}/"),
        ("Inbox of the mail simulator", place.local_url("INBOX", "/")),
        ("Bank simulator", place.local_url("BANK", "/")),
    )
    lines = ["", "  Open", *(f"    {name:<28} {address}" for name, address in pages)]
    people = place.home.run / "demo-people.txt"
    if people.exists():
        lines += ["", *(f"  {line}".rstrip() for line in people.read_text().splitlines())]
    lines += ["", "  Stop with Ctrl-C or `make stop`; `make status` shows every process.", ""]
    return "\n".join(lines)

"""Client ids of the platform's own clients, by the holder of their key."""

from collections.abc import Mapping

CLIENTS: Mapping[str, tuple[str, ...]] = {
    "identity": ("identity-service",),
    "operator": ("identity-operator",),
    "payments": ("payments-service", "payments-console"),
    "notifications": ("notifications-service", "notifications-mailbox"),
    "gateway": ("gateway-service", "clachanjourn1"),
    "glenmore": ("glenmore-repairs",),
    "sandbox": ("sandboxscot01", "sandbox-onelogin", "personasscot1", "personas-onelogin"),
    "strict": ("sandbox-strict",),
}

# Clients that show a shared secret instead; it lies in `<client-id>.secret`.
SECRET_CLIENTS = ("sandbox-oidc", "personas-oidc", "strathclachan-finance")

# The key that signs checkpoints of the ledger's log.
LEDGER_SEAL_KEY = "ledger-seal.pem"

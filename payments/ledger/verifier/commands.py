"""Proves an export of the ledger with nothing but Python: run verifier.pyz anywhere.

    python verifier.pyz verify EXPORT [--key KEY] [--checkpoint NOTE]
    python verifier.pyz prove EXPORT EVENT
    python verifier.pyz check-proof PROOF [--key KEY]
    python verifier.pyz check-pack PACK [--manifest SHA256] [--key KEY] [--checkpoint NOTE]

``verify`` recomputes every leaf and root (RFC 6962), the chain of blocks, the numbers, the sum of
each entry, every balance and every signed checkpoint. It exits with 0, or names the first bad
entry. A checkpoint that was kept outside the operator's control (``--checkpoint``) also finds a
history that was rewritten from its beginning.

``check-pack`` takes an auditor's pack, as its ZIP file or unpacked: every file has to be the one
that the manifest names, nothing more and nothing less, and the ledger in it is verified.
"""

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from payments.ledger.verifier.checks import verify
from payments.ledger.verifier.merkle import BrokenError
from payments.ledger.verifier.packs import check_pack
from payments.ledger.verifier.proofs import check_proof, prove


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the four commands; 0 when all is proved, 1 with the reason when not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("command", choices=("verify", "prove", "check-proof", "check-pack"))
    parser.add_argument("path", type=Path)
    parser.add_argument("event", nargs="?", default="")
    parser.add_argument("--key", type=Path, help="public key: 32 bytes as base64")
    parser.add_argument("--manifest", default="", help="SHA-256 of the pack's manifest")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    key = base64.b64decode(given.key.read_text()) if given.key else None
    try:
        kept = [path.read_text() for path in given.checkpoint]
        if given.command == "verify":
            print(json.dumps(verify(given.path, key=key, kept=kept)))
        elif given.command == "check-pack":
            print(json.dumps(check_pack(given.path, given.manifest, key=key, kept=kept)))
        elif given.command == "prove":
            print(json.dumps(prove(given.path, given.event), indent=1))
        else:
            print(check_proof(json.loads(given.path.read_text()), key))
    except (BrokenError, OSError, ValueError, KeyError) as error:
        print(f"NOT PROVED: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The content of a run as its payments' stored hashes have it; no bank details are opened."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.runs.content import RunHash, SignedRun
from payments.runs.queries.runs import Run

_BLOCK = 50_000
_HASHES = text(
    """
    SELECT string_agg(content_sha256, ''::bytea ORDER BY id) AS hashes, count(*) AS payments,
           count(content_sha256) AS signed, coalesce(sum(amount_pence), 0) AS pence,
           (array_agg(id ORDER BY id DESC))[1] AS last
      FROM (SELECT id, content_sha256, amount_pence FROM payment
             WHERE run_id = :run AND id > :after
               AND (state = ANY(:states) OR state = 'recalled' AND content_sha256 IS NOT NULL)
             ORDER BY id LIMIT :block) one
    """
)


@dataclass(frozen=True)
class StoredContent:
    """What a run's payments say: the hash, None where a payment was changed after it was signed."""

    digest: bytes | None
    count: int
    pence: int


def stored_content(session: Session, run: Run, *states: str) -> StoredContent:
    """Return the hash, number and sum of a run's payments in these states, block by block.

    A payment that was recalled since the run was put forward was signed with the others.
    """
    whole = RunHash(
        SignedRun(
            run.organisation,
            run.programme.slug,
            run.run_date,
            run.account.sort_code,
            run.account.account_number,
            run.rail,
            run.entry_on,
        )
    )
    count = signed = pence = 0
    after = UUID(int=0)
    while True:
        row = session.execute(
            _HASHES, {"run": run.id, "after": after, "states": list(states), "block": _BLOCK}
        ).one()
        if not row.payments:
            break
        whole.add(bytes(row.hashes or b""))
        count, signed, pence = count + row.payments, signed + row.signed, pence + int(row.pence)
        if row.payments < _BLOCK:
            break
        after = row.last
    return StoredContent(whole.digest() if signed == count else None, count, pence)

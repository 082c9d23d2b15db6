"""What an auditor's pack is called, how long it is kept, and what it says of itself."""

from datetime import date, timedelta

from shared.errors import FieldError, Invalid

KEPT_FOR = timedelta(days=30)
MAXIMUM_DAYS = 366
PROOFS = 10
SAMPLE = 25
FORMAT = "clachan-auditor-pack-1"
# What is done for a pack, in this order; the page counts them.
STEPS = ("ledger", "proofs", "tables", "audit", "check", "store")


def check_days(first: date, last: date, today: date) -> None:
    """Refuse a period that no pack is made of.

    Raises:
        Invalid: it ends before it begins, is longer than a year, or has not begun.
    """
    if last < first:
        raise Invalid(FieldError("to", "The last day cannot be before the first"))
    if (last - first).days >= MAXIMUM_DAYS:
        raise Invalid(FieldError("to", "A pack holds up to 366 days"))
    if first > today:
        raise Invalid(FieldError("from", "That period has not begun"))


def pack_name(body: str, first: date, last: date) -> str:
    """Return the file name of a pack."""
    return f"auditor-pack-{body}-{first.isoformat()}-{last.isoformat()}.zip"


def read_me(body: str, first: date, last: date, *, has_key: bool) -> str:
    """Return the words that lead an auditor through a pack."""
    key = " --key key.txt" if has_key else ""
    about_key = (
        "key.txt is the public key of the checkpoints. Compare it with the one that you were given"
        " by another way."
        if has_key
        else "This installation signs no checkpoints, so the pack holds no key."
    )
    return _README.format(
        body=body, first=first.isoformat(), last=last.isoformat(), key=key, about_key=about_key
    )


_README = """\
AUDITOR'S PACK
==============

Body:    {body}
Period:  {first} to {last}, both days included
Amounts: pence. Times: UTC. Days: as in Scotland.


HOW TO CHECK IT
---------------

You need Python 3.11 or later and nothing of ours that is not in this pack.

1. Compare the SHA-256 of the whole file, or that of manifest.json, with what the page of the pack
   and the audit log say.

2. Check every file, and the ledger. In the folder where you unpacked it:

       python3 -I verifier.pyz check-pack .{key}

   It recomputes the SHA-256 of each file, every leaf and root of the ledger's log (RFC 6962), the
   chain of its blocks, the numbers without gap, the sum of each entry, every balance and every
   checkpoint. It ends with what it proved, or names the first thing that is wrong and exits with 1.
   With --manifest SHA256 it also compares the manifest.

3. Check a single entry without the rest:

       python3 -I verifier.pyz check-proof proofs/01.json{key}

   Prove any payment yourself: python3 -I verifier.pyz prove ledger PAYMENT-ID > proof.json

The verifier in this pack could itself have been changed. Take it from the release of the service,
or read it: it is a ZIP of short Python files. {about_key}

A history that was rewritten from its very beginning is found only with a checkpoint that you kept
yourself: add --checkpoint NOTE to step 2.


WHAT IS IN IT
-------------

manifest.json          name, bytes and SHA-256 of each file
verifier.pyz           the verifier
ledger/                the whole ledger of the body, up to now: a chain is proved from its beginning
proofs/                proofs of entries of the period, drawn by the checksum of their ids
audit/log.jsonl, .csv  the audit log of the period: who did what to which thing
tables/                each as CSV and as JSON:

  accounts             opening, movements and closing of each account
  trial-balance        debit and credit balances on the last day
  runs                 maker, checkers, times, totals, file and checksum of each run
  approvals            each approval, and whether that person had a hand in the run before
  separation-of-duties where duties met in one person; an empty table is what is expected
  duties-examined      how many runs that was looked for in
  journals             journals written by hand, by whom, posted by whom, why
  journal-lines        their lines
  write-offs           differences written off, with who proposed and who approved
  overrides            holds that a person let go, with the reason
  holds                holds of a body, programme, run or payment: who placed and who lifted them
  delegations          who stood in for whom in approving, up to how much, and who agreed
  screening            possible matches with the sanctions list, and who cleared them why
  reconciliations      reconciliations with the bank, signed off by whom
  statements           statements of the bank, with the checksum of each file
  period-closes        months held, proved and closed, by whom
  exports              journals that went to the finance system
  sources              how many payments came from where, and their sum
  rule-changes         limits, bands and authorities that were changed
  in-transit, unreconciled-lines, exceptions, prompt-payment: as in the month-end pack
  access               who has signed in with which roles, as last seen
  deeds                who did which kind of thing, how often, when first and last
  sample               a random sample of payments; the seed is the body and the days
"""

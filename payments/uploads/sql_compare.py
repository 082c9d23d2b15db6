"""The statements that compare the rows of one shard; every one is a set, none a loop.

``first`` and ``last`` bound the rows that are judged; what they are judged by are all rows of the
file and the body's payments. A judgement of a pair in the file falls on its later row.
"""

from sqlalchemy import text

_GONE = "('cancelled', 'invalid', 'recalled', 'rejected', 'returned', 'scheme_rejected')"
# Faults of this comparison come behind those of the row itself.
_HARD_ORDINAL = 100

FORGET_CASES = text(
    """
    DELETE FROM screening_case c USING upload_row r
     WHERE c.upload_id = :upload AND c.payment_id = r.payment_id AND c.state = 'open'
       AND r.upload_id = :upload AND r.number BETWEEN :first AND :last
       AND NOT EXISTS (SELECT FROM payment p WHERE p.id = c.payment_id)
    """
)
FORGET_FAULTS = text(
    f"""
    DELETE FROM upload_fault
     WHERE upload_id = :upload AND number BETWEEN :first AND :last AND ordinal >= {_HARD_ORDINAL}
    """
)
FORGET_HOLDS = text(
    """
    UPDATE upload_row SET hold_code = NULL, hold_reason = NULL
     WHERE upload_id = :upload AND number BETWEEN :first AND :last AND hold_code IS NOT NULL
    """
)
UNKNOWN_PAYEES = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
    SELECT r.upload_id, r.number, {_HARD_ORDINAL + 3}, r.line, 'payee_id',
           'There is no such payee', r.payee_id
      FROM upload_row r
     WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last
       AND r.payee_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM payee p
                        WHERE p.id = r.payee_id AND p.organisation = :organisation)
    """
)
ROWS = text(
    """
    SELECT number, payment_id, payee_name, account_fingerprint AS account, payee_id
      FROM upload_row
     WHERE upload_id = :upload AND number BETWEEN :first AND :last ORDER BY number
    """
)
HAS_PAYEES = text("SELECT EXISTS (SELECT FROM payee WHERE organisation = :organisation)")
SET_PAYEES = text(
    """
    UPDATE upload_row r
       SET payee_id = coalesce(r.payee_id, u.payee),
           gl_code = CASE WHEN r.gl_code = '' THEN u.gl_code ELSE r.gl_code END
      FROM unnest(cast(:numbers AS integer[]), cast(:payees AS uuid[]), cast(:codes AS text[]))
           AS u(number, payee, gl_code)
     WHERE r.upload_id = :upload AND r.number = u.number
    """
)
# The last answer about exactly this payee; the policy says what it means.
CHECKS = text(
    """
    SELECT r.number, c.id, c.reason_code
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT n.id, n.reason_code FROM name_check n
         WHERE n.organisation = :organisation AND n.payee_fingerprint = r.payee_fingerprint
           AND n.answered_at > :answered_after
         ORDER BY n.answered_at DESC LIMIT 1
      ) c
     WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last
    """
)
SET_CHECKS = text(
    """
    UPDATE upload_row r SET check_id = u.checked
      FROM unnest(cast(:numbers AS integer[]), cast(:checks AS uuid[])) AS u(number, checked)
     WHERE r.upload_id = :upload AND r.number = u.number
    """
)
END_TO_END_IN_FILE = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
    SELECT r.upload_id, r.number, {_HARD_ORDINAL}, r.line, 'end_to_end_id',
           'The same end-to-end id stands in row ' || min(o.number) || ' already', r.end_to_end_id
      FROM upload_row r
      JOIN upload_row o ON o.upload_id = r.upload_id AND o.end_to_end_id = r.end_to_end_id
                       AND o.number < r.number AND o.end_to_end_id <> ''
     WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last AND r.end_to_end_id <> ''
     GROUP BY r.upload_id, r.number
    """
)
END_TO_END_IN_HISTORY = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
    SELECT r.upload_id, r.number, {_HARD_ORDINAL + 1}, r.line, 'end_to_end_id',
           'Payment ' || p.public_id || ' was made under the same end-to-end id', r.end_to_end_id
      FROM upload_row r
      JOIN upload_end_to_end e ON e.organisation = :organisation
                              AND e.end_to_end_id = r.end_to_end_id
      JOIN payment p ON p.id = e.payment_id
     WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last AND r.end_to_end_id <> ''
    """
)


def _hold(code: str, reason: str, source: str, *, filters: str = "") -> str:
    """Return the statement that holds the rows of the shard for which ``source`` finds another."""
    return f"""
    UPDATE upload_row held SET hold_code = '{code}', hold_reason = {reason}
      FROM (
        SELECT r.number, o.other
          FROM upload_row r CROSS JOIN LATERAL ({source}) o
         WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last
           AND r.hold_code IS NULL {filters}
      ) found
     WHERE held.upload_id = :upload AND held.number = found.number
    """


DUPLICATES_IN_FILE = text(
    _hold(
        "duplicate",
        "'Row ' || found.other || ' of this file has the same account, amount and reference.'",
        """
        SELECT o.number AS other FROM upload_row o
         WHERE o.upload_id = r.upload_id AND o.account_fingerprint = r.account_fingerprint
           AND o.number < r.number AND o.amount_pence = r.amount_pence
           AND o.reference = r.reference
         ORDER BY o.number LIMIT 1
        """,
    )
)
# Uploads that are not payments yet: of two that come together, the later comparison sees the other.
OTHER_UPLOADS = text(
    """
    SELECT id FROM upload
     WHERE organisation = :organisation AND id <> :upload
       AND state IN ('validating', 'comparing', 'faulty', 'creating')
    """
)
DUPLICATES_IN_OTHERS = text(
    _hold(
        "duplicate",
        "'Row ' || found.other || ' has the same account, amount and reference.'",
        """
        SELECT o.number || ' of upload ' || u.reference AS other
          FROM upload_row o JOIN upload u ON u.id = o.upload_id
         WHERE o.upload_id = ANY(cast(:others AS uuid[]))
           AND o.account_fingerprint = r.account_fingerprint
           AND o.amount_pence = r.amount_pence AND o.reference = r.reference
         ORDER BY o.upload_id, o.number LIMIT 1
        """,
    )
)
INVOICES_IN_OTHERS = text(
    _hold(
        "same_invoice",
        "'Row ' || found.other || ' pays the same invoice to the same payee.'",
        """
        SELECT o.number || ' of upload ' || u.reference AS other
          FROM upload_row o JOIN upload u ON u.id = o.upload_id
         WHERE o.upload_id = ANY(cast(:others AS uuid[]))
           AND o.account_fingerprint = r.account_fingerprint
           AND o.invoice_reference = r.invoice_reference
         ORDER BY o.upload_id, o.number LIMIT 1
        """,
        filters="AND r.invoice_reference <> ''",
    )
)
DUPLICATES_IN_HISTORY = text(
    _hold(
        "duplicate",
        "'Payment ' || found.other || ' has the same account, amount and reference.'",
        f"""
        SELECT p.public_id AS other FROM payment p
         WHERE p.organisation = :organisation AND p.account_fingerprint = r.account_fingerprint
           AND p.amount_pence = r.amount_pence AND p.reference = r.reference
           AND p.created_at > cast(:now AS timestamptz) - make_interval(days => :days)
           AND p.state NOT IN {_GONE}
         ORDER BY p.id LIMIT 1
        """,
    )
)
INVOICES_IN_FILE = text(
    _hold(
        "same_invoice",
        "'Row ' || found.other || ' of this file pays the same invoice to the same payee.'",
        """
        SELECT o.number AS other FROM upload_row o
         WHERE o.upload_id = r.upload_id AND o.account_fingerprint = r.account_fingerprint
           AND o.number < r.number AND o.invoice_reference = r.invoice_reference
         ORDER BY o.number LIMIT 1
        """,
        filters="AND r.invoice_reference <> ''",
    )
)
INVOICES_IN_HISTORY = text(
    _hold(
        "same_invoice",
        "'Payment ' || found.other || ' paid the same invoice to the same payee.'",
        f"""
        SELECT p.public_id AS other FROM payment p
         WHERE p.organisation = :organisation AND p.invoice_reference = r.invoice_reference
           AND p.invoice_reference <> ''
           AND (p.account_fingerprint = r.account_fingerprint OR p.payee_id = r.payee_id)
           AND p.state NOT IN {_GONE}
         ORDER BY p.id LIMIT 1
        """,
        filters="AND r.invoice_reference <> ''",
    )
)
# A name that this account was paid under before is known; only a new one is asked about.
_NEW_NAME = f"""
    AND NOT EXISTS (
        SELECT FROM payment k
         WHERE k.organisation = :organisation AND k.account_fingerprint = r.account_fingerprint
           AND lower(k.payee_name) = lower(r.payee_name)
           AND k.state NOT IN {_GONE} AND k.hold_code IS DISTINCT FROM 'several_names')
"""
ACCOUNTS_IN_FILE = text(
    _hold(
        "several_names",
        "'Row ' || found.other || ' of this file pays the same account under another name.'",
        """
        SELECT o.number AS other FROM upload_row o
         WHERE o.upload_id = r.upload_id AND o.account_fingerprint = r.account_fingerprint
           AND o.number <> r.number AND lower(o.payee_name) <> lower(r.payee_name)
         ORDER BY o.number LIMIT 1
        """,
        filters=_NEW_NAME,
    )
)
ACCOUNTS_IN_HISTORY = text(
    _hold(
        "several_names",
        "'Payment ' || found.other || ' went to the same account under another name.'",
        f"""
        SELECT p.public_id AS other FROM payment p
         WHERE p.organisation = :organisation AND p.account_fingerprint = r.account_fingerprint
           AND lower(p.payee_name) <> lower(r.payee_name) AND p.state NOT IN {_GONE}
         ORDER BY p.id DESC LIMIT 1
        """,
        filters=_NEW_NAME,
    )
)
HELD = text(
    """
    SELECT payment_id, hold_code, hold_reason FROM upload_row
     WHERE upload_id = :upload AND number BETWEEN :first AND :last AND hold_code IS NOT NULL
    """
)
SET_HOLDS = text(
    """
    UPDATE upload_row SET hold_code = :code, hold_reason = :reason
     WHERE upload_id = :upload AND number = ANY(cast(:numbers AS integer[]))
       AND (hold_code IS NULL OR :code = 'possible_match')
    """
)
SUM_WARNINGS = text(
    """
    SELECT w.key AS code, sum(w.value::bigint) AS number
      FROM upload_block b CROSS JOIN LATERAL jsonb_each_text(b.warnings) w
     WHERE b.upload_id = :upload GROUP BY w.key
    """
)
UNCHECKED = text("SELECT count(*) FROM upload_row WHERE upload_id = :upload AND check_id IS NULL")

"""The statements that compare the rows of one shard; every one is a set, none a loop.

``first`` and ``last`` bound the rows that are judged; what they are judged by are all rows of the
file and the body's payments. A judgement of a pair in the file falls on its later row.

No statement may depend on statistics: they are of yesterday's small files when today's large one
comes, and the planner then believes that a shard, a file or a run has one row. Three habits see to
it that every plan is good:

- What is looked up for each row is a sub-query with ``OFFSET 0``, which stays a look-up: it cannot
  become a join that reads the shard again for every row.
- In it, what would let a worse index serve is fenced by ``IS TRUE``, which no index can answer.
- Values that are written come by an array that carries the whole key of its rows; the table itself
  is not narrowed by anything that could be misjudged.
"""

from sqlalchemy import text

_GONE = "('cancelled', 'invalid', 'recalled', 'rejected', 'returned', 'scheme_rejected')"
# Faults of this comparison come behind those of the row itself.
_HARD_ORDINAL = 100

# Few or none: those of the shard are picked from them.
OPEN_CASES = text(
    """
    SELECT c.id, c.payment_id FROM screening_case c
     WHERE c.upload_id = :upload AND c.state = 'open'
       AND NOT EXISTS (SELECT FROM payment p WHERE p.id = c.payment_id OFFSET 0)
    """
)
FORGET_CASES = text("DELETE FROM screening_case WHERE id = ANY(cast(:cases AS uuid[]))")
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
                        WHERE p.id = r.payee_id AND p.organisation = :organisation OFFSET 0)
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
_CARRIED = "(SELECT cast(:upload AS uuid) AS upload, u.* FROM unnest({}) AS u({}) OFFSET 0) u"
SET_PAYEES = text(
    f"""
    UPDATE upload_row r
       SET payee_id = coalesce(r.payee_id, u.payee),
           gl_code = CASE WHEN r.gl_code = '' THEN u.gl_code ELSE r.gl_code END
      FROM {
        _CARRIED.format(
            "cast(:numbers AS integer[]), cast(:payees AS uuid[]), cast(:codes AS text[])",
            "number, payee, gl_code",
        )
    }
     WHERE r.upload_id = u.upload AND r.number = u.number
    """
)
# The last answer about exactly this payee; the policy says what it means.
CHECKS = text(
    """
    SELECT r.number, c.id, c.reason_code
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT n.id, n.reason_code FROM name_check n
         WHERE n.payee_fingerprint = r.payee_fingerprint
           AND (n.organisation = :organisation) IS TRUE
           AND n.answered_at > :answered_after
         ORDER BY n.answered_at DESC LIMIT 1
      ) c
     WHERE r.upload_id = :upload AND r.number BETWEEN :first AND :last
    """
)
SET_CHECKS = text(
    f"""
    UPDATE upload_row r SET check_id = u.checked
      FROM {
        _CARRIED.format(
            "cast(:numbers AS integer[]), cast(:checks AS uuid[])",
            "number, checked",
        )
    }
     WHERE r.upload_id = u.upload AND r.number = u.number
    """
)
SET_HOLDS = text(
    f"""
    UPDATE upload_row r SET hold_code = u.code, hold_reason = u.reason
      FROM {
        _CARRIED.format(
            "cast(:numbers AS integer[]), cast(:codes AS text[]), cast(:reasons AS text[])",
            "number, code, reason",
        )
    }
     WHERE r.upload_id = u.upload AND r.number = u.number
    """
)
_SHARD = "r.upload_id = :upload AND r.number BETWEEN :first AND :last"


def _shared_in_file(column: str, more: str = "") -> str:
    """Return the values of a column that stand in the shard and in another row of the file."""
    return f"""
      SELECT DISTINCT r.{column} AS shared FROM upload_row r
       WHERE {_SHARD} {more}
         AND EXISTS (SELECT FROM upload_row o
                      WHERE o.{column} = r.{column} {more.replace("r.", "o.")}
                        AND (o.upload_id = r.upload_id) IS TRUE AND o.number <> r.number OFFSET 0)
    """


_NAMED_END_TO_END = "AND r.end_to_end_id <> ''"
# However many rows have one id, each is read once.
END_TO_END_IN_FILE = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
      WITH several AS MATERIALIZED ({_shared_in_file("end_to_end_id", _NAMED_END_TO_END)})
    SELECT :upload, one.number, {_HARD_ORDINAL}, one.line, 'end_to_end_id',
           'The same end-to-end id stands in row ' || one.first || ' already', one.shared
      FROM (SELECT s.shared, o.number, o.line,
                   first_value(o.number) OVER (PARTITION BY s.shared ORDER BY o.number) AS first
              FROM several s CROSS JOIN LATERAL (
                SELECT number, line FROM upload_row
                 WHERE end_to_end_id = s.shared AND end_to_end_id <> ''
                   AND (upload_id = :upload) IS TRUE OFFSET 0) o) one
     WHERE one.number BETWEEN :first AND :last AND one.first < one.number
    """
)
END_TO_END_IN_HISTORY = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
    SELECT r.upload_id, r.number, {_HARD_ORDINAL + 1}, r.line, 'end_to_end_id',
           'Payment ' || e.public_id || ' was made under the same end-to-end id', r.end_to_end_id
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT (SELECT p.public_id FROM payment p WHERE p.id = t.payment_id) AS public_id
          FROM upload_end_to_end t
         WHERE t.organisation = :organisation AND t.end_to_end_id = r.end_to_end_id OFFSET 0) e
     WHERE {_SHARD} AND r.end_to_end_id <> '' AND e.public_id IS NOT NULL
    """
)
# Rows of the shard whose account stands in other rows of the file: the first row with the same
# amount and reference, the first with the same invoice, the first with another name. However many
# rows have one account, each is read once.
ALIKE_IN_FILE = text(
    f"""
    WITH several AS MATERIALIZED ({_shared_in_file("account_fingerprint")}),
    seen AS (
      SELECT s.shared, o.number, o.name,
             first_value(o.number) OVER (
               PARTITION BY s.shared, o.amount_pence, o.reference ORDER BY o.number) AS same,
             CASE WHEN o.invoice_reference <> '' THEN first_value(o.number) OVER (
               PARTITION BY s.shared, o.invoice_reference ORDER BY o.number) END AS billed,
             first_value(o.number) OVER account AS head,
             first_value(o.name) OVER account AS head_name
        FROM several s CROSS JOIN LATERAL (
          SELECT number, amount_pence, reference, invoice_reference, lower(payee_name) AS name
            FROM upload_row
           WHERE account_fingerprint = s.shared AND (upload_id = :upload) IS TRUE OFFSET 0) o
      WINDOW account AS (PARTITION BY s.shared ORDER BY o.number)
    ), named AS (
      SELECT number, nullif(same, number) AS same, nullif(billed, number) AS billed,
             CASE WHEN name <> head_name THEN head ELSE min(number)
               FILTER (WHERE name <> head_name) OVER (PARTITION BY shared) END AS other
        FROM seen)
    SELECT number, same, billed, other FROM named
     WHERE number BETWEEN :first AND :last
       AND (same IS NOT NULL OR billed IS NOT NULL OR other IS NOT NULL)
    """
)
# Payments of ids that grow: text of an id and what is told of it sort as the ids do.
_TOLD = 'k.id::text COLLATE "C" || k.public_id'
_AFTER_ID = 37
# Rows of the shard whose account was paid before: the first payment with the same amount and
# reference, the latest under another name, and whether this name was paid there before. Only a new
# name is asked about.
ALIKE_IN_HISTORY = text(
    f"""
    SELECT r.number, substr(p.same, {_AFTER_ID}) AS same, substr(p.other, {_AFTER_ID}) AS other,
           p.is_known
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT min({_TOLD}) FILTER (WHERE k.amount_pence = r.amount_pence
                 AND k.reference = r.reference
                 AND k.created_at > cast(:now AS timestamptz) - make_interval(days => :days)
               ) AS same,
               max({_TOLD}) FILTER (WHERE lower(k.payee_name) <> lower(r.payee_name)) AS other,
               bool_or(lower(k.payee_name) = lower(r.payee_name)
                 AND k.hold_code IS DISTINCT FROM 'several_names') AS is_known
          FROM payment k
         WHERE k.account_fingerprint = r.account_fingerprint
           AND (k.organisation = :organisation) IS TRUE AND k.state NOT IN {_GONE}
      ) p
     WHERE {_SHARD} AND p.is_known IS NOT NULL
    """
)
INVOICES_IN_HISTORY = text(
    f"""
    SELECT r.number, substr(p.billed, {_AFTER_ID}) AS billed
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT min({_TOLD}) AS billed, count(*) AS payments
          FROM payment k
         WHERE k.invoice_reference = r.invoice_reference AND k.invoice_reference <> ''
           AND (k.organisation = :organisation) IS TRUE
           AND (k.account_fingerprint = r.account_fingerprint OR k.payee_id = r.payee_id)
           AND k.state NOT IN {_GONE}
      ) p
     WHERE {_SHARD} AND r.invoice_reference <> '' AND p.payments > 0
    """
)
# Uploads that are not payments yet: of two that come together, the later comparison sees the other.
OTHER_UPLOADS = text(
    """
    SELECT id FROM upload
     WHERE organisation = :organisation AND id <> :upload
       AND state IN ('validating', 'comparing', 'faulty', 'creating')
    """
)
_ROW_OF_UPLOAD = """
    (array_agg(o.number || ' of upload ' || (SELECT u.reference FROM upload u
                                              WHERE u.id = o.upload_id)
               ORDER BY o.upload_id, o.number) FILTER (WHERE {}))[1]
"""
ALIKE_IN_OTHERS = text(
    f"""
    SELECT r.number, p.same, p.billed
      FROM upload_row r CROSS JOIN LATERAL (
        SELECT {
        _ROW_OF_UPLOAD.format("o.amount_pence = r.amount_pence AND o.reference = r.reference")
    } AS same,
               {
        _ROW_OF_UPLOAD.format(
            "o.invoice_reference = r.invoice_reference AND r.invoice_reference <> ''"
        )
    } AS billed
          FROM upload_row o
         WHERE o.account_fingerprint = r.account_fingerprint
           AND (o.upload_id = ANY(cast(:others AS uuid[]))) IS TRUE
      ) p
     WHERE {_SHARD} AND (p.same IS NOT NULL OR p.billed IS NOT NULL)
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

"""The canonical bytes of what is sealed, as SQL: fixed order, whole numbers, UTC microseconds.

An entry's line names no person. A control event's line holds a salted commitment to what may.
"""

# With ``e`` an entry, ``p`` its period.
ENTRY_LINE = r"""
    e.id::text || E'\t' || e.body || E'\t' || e.event_type || E'\t' || e.event_id || E'\t'
    || e.rule_version || E'\t' || e.kind || E'\t' || coalesce(e.refers_to::text, '-') || E'\t'
    || to_char(p.starts_on, 'YYYY-MM-DD') || E'\t' || to_char(e.effective_on, 'YYYY-MM-DD')
    || E'\t' || (extract(epoch FROM e.recorded_at) * 1000000)::bigint || E'\t' || e.currency
    || E'\t' || encode(e.request_hash, 'hex') || E'\t'
    || (SELECT string_agg(o.account_id::text || ' ' || o.amount
                          || CASE WHEN o.pending THEN ' p' ELSE ' .' END, ' ' ORDER BY o.line_no)
          FROM posting o WHERE o.entry_id = e.id)
"""
# The financial year begins in April and is named by that calendar year.
YEAR = "extract(year FROM p.starts_on - interval '3 months')::smallint"
# With ``a`` an audit event and ``commitment`` what hides its person and details.
CONTROL_LINE = r"""
    a.id::text || E'\t' || (extract(epoch FROM a.at) * 1000000)::bigint || E'\t' || a.actor_kind
    || E'\t' || a.actor_id || E'\t' || coalesce(a.actor_organisation, '-') || E'\t' || a.action
    || E'\t' || a.object_type || E'\t' || a.object_id || E'\t' || a.correlation_id || E'\t'
    || encode(commitment, 'hex')
"""
COMMITMENT = r"sha256(salt || convert_to(a.actor_name || E'\n' || a.details::text, 'UTF8'))"

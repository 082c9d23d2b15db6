"""Reads for the prompt-payment figure: sums by day, never a payment at a time."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.prompt_payment.rules import Division, Figure, Paid, figures_of

# A payment that came back paid no invoice.
_PAID = text(
    """
    SELECT g.name, p.invoice_received_on, r.processing_date, count(*)::bigint,
           sum(p.amount_pence)::bigint
      FROM run r
      JOIN programme g ON g.id = r.programme_id
      JOIN payment p ON p.run_id = r.id AND p.invoice_received_on IS NOT NULL
     WHERE r.organisation = :organisation AND r.processing_date BETWEEN :first AND :last
       AND p.state IN ('submitted', 'accepted', 'paid')
     GROUP BY 1, 2, 3
    """
)
# A payment of one month can reach its payee in the next.
_MARGIN = timedelta(days=7)


def list_figures(
    session: Session, organisation: str, first: date, last: date, division: Division
) -> list[Figure]:
    """Return the figures of the months from ``first`` to ``last``, days of payment."""
    values = {"organisation": organisation, "first": first - _MARGIN, "last": last}
    paid = [Paid(*row) for row in session.execute(_PAID, values)]
    return [
        figure
        for figure in figures_of(paid, division)
        if first.replace(day=1) <= figure.month <= last
    ]

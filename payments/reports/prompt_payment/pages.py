"""The prompt-payment figure: a page with a chart, and CSV."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from payments.payees.csv_files import write_row
from payments.payees.deps import settings_of
from payments.reports.charts import Point, draw_bars
from payments.reports.prompt_payment.queries import list_figures
from payments.reports.prompt_payment.rules import Figure, add_up, months_back
from payments.runs.access import Staff, require_role
from payments.runs.rules import SEES_RUNS
from payments.settings import PaymentsSettings
from shared.clock import london_date
from shared.money import format_pounds
from shared.web.deps import NowDep, RuntimeDep, SessionDep

router = APIRouter()

Viewer = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
SettingsDep = Annotated[PaymentsSettings, Depends(settings_of)]
Months = Annotated[int, Query(ge=1, le=24)]
_WHOLE = 1000


@router.get("/reports/prompt-payment")
def show_prompt_payment(
    request: Request,
    staff: Viewer,
    session: SessionDep,
    runtime: RuntimeDep,
    settings: SettingsDep,
    now: NowDep,
    months: Months = 12,
) -> Response:
    """Show month by month how many invoices were paid in time, and by programme."""
    today = london_date(now)
    every = months_back(today, months)
    figures = list_figures(
        session, staff.organisation, every[0], today, settings.prompt_payment_calendar
    )
    totals = [add_up(figures, month) for month in every]
    return runtime.pages.render(
        request,
        "reports/prompt_payment.html",
        chart=draw_bars([_point(total) for total in totals], ceiling=_WHOLE),
        lines=[_line(figure) for figure in reversed(figures)],
        totals=[_line(total) for total in reversed(totals) if total.invoices],
        scottish=settings.prompt_payment_calendar == "scotland",
        months=months,
    )


@router.get("/reports/prompt-payment.csv")
def download_prompt_payment(
    staff: Viewer,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    months: Months = 12,
) -> Response:
    """Return the same figures as CSV."""
    today = london_date(now)
    first = months_back(today, months)[0]
    division = settings.prompt_payment_calendar
    figures = list_figures(session, staff.organisation, first, today, division)
    return Response(
        "".join(csv_of(figures, division)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="prompt-payment.csv"'},
    )


HEAD = (
    "month",
    "programme",
    "invoices",
    "pence",
    "within_10_working_days",
    "within_30_days",
    "percent_10",
    "percent_30",
    "calendar",
)


def csv_of(figures: list[Figure], division: str) -> list[str]:
    """Return figures as lines of CSV."""
    return [write_row(HEAD)] + [
        write_row(
            (
                figure.month.isoformat()[:7],
                figure.programme,
                figure.invoices,
                figure.pence,
                figure.within_10,
                figure.within_30,
                figure.percent_10,
                figure.percent_30,
                division,
            )
        )
        for figure in figures
    ]


def _point(total: Figure) -> Point:
    value = _WHOLE * total.within_10 // total.invoices if total.invoices else 0
    return Point(_month(total.month), value, total.percent_10, str(total.invoices))


def _line(figure: Figure) -> dict[str, str]:
    return {
        "month": _month(figure.month),
        "programme": figure.programme,
        "invoices": str(figure.invoices),
        "total": format_pounds(figure.pence),
        "ten": figure.percent_10,
        "thirty": figure.percent_30,
    }


def _month(first: date) -> str:
    return first.strftime("%b %Y")

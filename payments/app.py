"""The two FastAPI apps of payments: JSON for programs, pages for people."""

from fastapi import FastAPI

from payments.bank.advices import pages as report_pages
from payments.bank.submissions import pages as submission_pages
from payments.bank.work import pages as work_pages
from payments.bills import api as bills_api
from payments.bills import pages as bills_pages
from payments.controls import day_pages, hold_pages, settings_pages, step_up_pages
from payments.controls import pages as controls_pages
from payments.controls.standing_in import pages as standing_in_pages
from payments.gl import pages as gl_pages
from payments.gl import period_pages
from payments.gl.journals import new_pages as new_journal_pages
from payments.gl.journals import pages as journal_pages
from payments.govstack import api as govstack_api
from payments.ledger import pages as ledger_pages
from payments.ledger.own import api as own_api
from payments.payees import api as payees_api
from payments.payees import pages as payees_pages
from payments.payees.bulk import api as name_batches_api
from payments.payees.bulk import pages as name_batches_pages
from payments.payees.master import api as payee_api
from payments.payees.master import change_pages, edit_pages, import_pages
from payments.payees.master import pages as payee_pages
from payments.payees.overrides import pages as override_pages
from payments.reconciliation import pages as reconciliation_pages
from payments.reconciliation.awaited import pages as reconciliation_awaited_pages
from payments.reconciliation.importing import pages as reconciliation_import_pages
from payments.reconciliation.report import pages as reconciliation_report_pages
from payments.reconciliation.ruling import pages as reconciliation_rule_pages
from payments.reconciliation.work import pages as reconciliation_work_pages
from payments.reports import pages as reports_pages
from payments.reports.audit import pages as audit_pages
from payments.reports.auditor import pages as auditor_pages
from payments.reports.evidence import pages as evidence_pages
from payments.reports.month_end import pages as month_end_pages
from payments.reports.prompt_payment import pages as prompt_payment_pages
from payments.reports.remittance import pages as remittance_pages
from payments.reports.search import pages as search_pages
from payments.runs import api as runs_api
from payments.runs import pages as runs_pages
from payments.runs import payment_pages
from payments.runs.access import install_access
from payments.runs.schedules import pages as schedule_pages
from payments.runs.schedules import step_pages as schedule_step_pages
from payments.screening import pages as screening_pages
from payments.uploads import api as uploads_api
from payments.uploads import error_pages as upload_error_pages
from payments.uploads import pages as uploads_pages
from payments.vouchers import pages as vouchers_pages
from payments.vouchers import voucher_pages
from payments.webhooks import api as webhooks_api
from payments.webhooks import pages as webhooks_pages
from shared.web.app import make_api, make_pages_app


def make_payments_api() -> FastAPI:
    """Return the API app, mounted at ``/payments/v1``."""
    app = make_api("payments", "Payments")
    for feature in (
        payees_api,
        name_batches_api,
        runs_api,
        own_api,
        uploads_api,
        webhooks_api,
        govstack_api,
        payee_api,
        bills_api,
    ):
        app.include_router(feature.router)
    return app


def make_payments_pages() -> FastAPI:
    """Return the pages app, mounted at ``/payments``."""
    app = make_pages_app("payments")
    for feature in (
        runs_pages,
        payment_pages,
        schedule_pages,
        schedule_step_pages,
        ledger_pages,
        gl_pages,
        period_pages,
        new_journal_pages,
        journal_pages,
        hold_pages,
        day_pages,
        controls_pages,
        standing_in_pages,
        settings_pages,
        payees_pages,
        reconciliation_work_pages,
        reconciliation_rule_pages,
        reconciliation_awaited_pages,
        reconciliation_import_pages,
        reconciliation_report_pages,
        name_batches_pages,
        payee_pages,
        override_pages,
        edit_pages,
        change_pages,
        import_pages,
        reconciliation_pages,
        uploads_pages,
        screening_pages,
        upload_error_pages,
        search_pages,
        evidence_pages,
        reports_pages,
        audit_pages,
        prompt_payment_pages,
        month_end_pages,
        auditor_pages,
        remittance_pages,
        webhooks_pages,
        step_up_pages,
        submission_pages,
        work_pages,
        report_pages,
        voucher_pages,
        vouchers_pages,
        bills_pages,
    ):
        app.include_router(feature.router)
    install_access(app)
    return app

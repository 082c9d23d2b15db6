"""Gathers the sentences of every service's pages into the catalogues.

Run as `python -m shared.web.translations update` after a template's or a refusal's words changed,
`check` to be told whether that was forgotten, and `missing` for what has no Gaelic yet.

Rules and actions know no language: the words of their refusals and states are plain English, which
a page translates when it is made. They are found here by what is called, or by WORDINGS.
"""

import argparse
import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

from shared.web.language import CATALOGUES, LANGUAGES, catalogue_file, read_catalogue

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("gateway", "identity", "notifications", "payments", "shared")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "translate": None,
    "translate_plural": (1, 2),
}
# What is called with words for people: the word's place among the arguments, and its names.
REFUSALS: Mapping[str, tuple[int | None, frozenset[str]]] = {
    "FieldError": (1, frozenset({"message"})),
    "Invalid": (None, frozenset({"title"})),
    **dict.fromkeys(
        ("Problem", "NotFound", "Forbidden", "Conflict", "Unauthorised"),
        (1, frozenset({"title", "detail"})),
    ),
    "make_runtime": (None, frozenset({"service_name"})),
}
# Refusals that only programs, operators and authors of definitions get, never a page.
NOT_ON_PAGES = (
    "gateway/catalogue/actions.py",
    "gateway/catalogue/entry.py",
    "gateway/journeys/actions/payouts.py",
    "gateway/journeys/definition/",
    "gateway/journeys/publishing/",
    "identity/organisations/api.py",
    "identity/relying_parties/",
    "notifications/mailbox/actions.py",
    "notifications/message_templates/",
    "notifications/messages/",
    "payments/bank/formats/",
    "payments/bank/simulator/",
    "payments/govstack/",
    "payments/ledger/",
    "shared/clients/",
    "shared/idempotency.py",
    "shared/tokens.py",
    "shared/web/deps.py",
)
# Constants and functions whose strings reach a page by another way, by the file they stand in.
WORDINGS: Mapping[str, frozenset[str]] = {
    "identity/accounts/rules.py": frozenset({"_fault", "_why_guessable"}),
    "identity/client_console/keys.py": frozenset(
        {
            "_PRIVATE",
            "_from_json",
            "_from_pem",
            "_pem",
            "as_registered",
            "read_key_set",
            "read_keys",
        }
    ),
    "identity/client_console/presenting.py": frozenset({"_ADVICE", "_GENERAL"}),
    "identity/client_console/rules.py": frozenset({"_purpose_fault", "check_address"}),
    "identity/codes/rules.py": frozenset({"fault_of"}),
    "identity/console/access.py": frozenset({"_navigation"}),
    "identity/details/email_pages.py": frozenset({"_page"}),
    "identity/factors/app_pages.py": frozenset({"add_app"}),
    "identity/factors/checks.py": frozenset({"BackupCodeFactor", "PasskeyFactor", "TotpFactor"}),
    "identity/factors/pages.py": frozenset({"_DONE"}),
    "identity/factors/way_pages.py": frozenset({"PAUSED", "_EMAIL_CHOICE"}),
    "identity/home/pages.py": frozenset({"_CHANGED"}),
    "identity/organisations/actions.py": frozenset({"add_service", "request_live"}),
    "identity/phones/confirm_pages.py": frozenset({"_page"}),
    "identity/phones/factor.py": frozenset({"PhoneFactor"}),
    "identity/phones/old_phone_pages.py": frozenset({"_page"}),
    "identity/phones/rules.py": frozenset({"_WRONG", "check_number"}),
    "identity/recovery/identity_pages.py": frozenset({"read_identity"}),
    "identity/recovery/lost_email_now_pages.py": frozenset({"_page"}),
    "identity/recovery/lost_email_pages.py": frozenset({"_page", "_read"}),
    "identity/recovery/not_me_pages.py": frozenset({"_page", "begin"}),
    "identity/safe/pages.py": frozenset({"_CHOOSE", "decide_to_share"}),
    "identity/signin/pages.py": frozenset({"sign_in"}),
    "identity/signin/rules.py": frozenset({"_FACTOR_WORDS"}),
    "identity/verification/rules.py": frozenset({"_FIRST_NAMES", "_LAST_NAME", "_address"}),
    "payments/bank/advices/pages.py": frozenset({"_DONE", "_KINDS"}),
    "payments/bank/formats/profile.py": frozenset({"read_profile"}),
    "payments/bank/submissions/decisions.py": frozenset({"give_up", "propose_verdict"}),
    "payments/bank/submissions/pages.py": frozenset({"_DONE"}),
    "payments/bank/submissions/presenting.py": frozenset(
        {"RAIL_TEXTS", "STATE_TEXTS", "present_totals"}
    ),
    "payments/bank/work/actions.py": frozenset({"finish_item", "note_item"}),
    "payments/bank/work/pages.py": frozenset({"_DONE", "_WHICH"}),
    "payments/bank/work/presenting.py": frozenset({"_NOTE_TEXTS"}),
    "payments/bank/work/rules.py": frozenset({"ACTION_TEXTS", "KIND_TEXTS"}),
    "payments/controls/actions/settings.py": frozenset({"KINDS", "RELEASES"}),
    "payments/controls/day_pages.py": frozenset({"_DONE"}),
    "payments/controls/duties.py": frozenset({"DUTIES"}),
    "payments/controls/hold_pages.py": frozenset({"_DONE"}),
    "payments/controls/pages.py": frozenset({"_DONE"}),
    "payments/controls/presenting.py": frozenset({"KINDS", "STATES"}),
    "payments/controls/queries/holds.py": frozenset({"_LEVELS"}),
    "payments/controls/rules.py": frozenset({"MEASURES", "RAILS"}),
    "payments/controls/settings_pages.py": frozenset({"_DONE"}),
    "payments/gl/pages.py": frozenset({"_DONE"}),
    "payments/gl/period_pages.py": frozenset({"_DONE"}),
    "payments/gl/presenting.py": frozenset({"CHECKS"}),
    "payments/gl/rules.py": frozenset({"DETAIL_NAMES", "TEMPLATE_NAMES"}),
    "payments/payees/bulk/pages.py": frozenset({"_DONE"}),
    "payments/payees/bulk/presenting.py": frozenset(
        {"STATE_TEXTS", "_INVALID", "_present_count", "present_result"}
    ),
    "payments/payees/confirmation/explain.py": frozenset({"POLICY_TEXTS", "_RULES", "explain"}),
    "payments/payees/confirmation/matching.py": frozenset(
        {"_compare_forenames", "compare_business", "compare_personal"}
    ),
    "payments/payees/iban.py": frozenset({"normalise_iban"}),
    "payments/payees/master/actions/decide.py": frozenset(
        {"_check_reason", "confirm", "hurry", "reject"}
    ),
    "payments/payees/master/actions/imports.py": frozenset({"reject_import"}),
    "payments/payees/master/actions/propose.py": frozenset({"propose"}),
    "payments/payees/master/actions/stop.py": frozenset({"_check_stop", "lift_stop"}),
    "payments/payees/master/history.py": frozenset({"SOURCES", "_DECISIONS", "tell_history"}),
    "payments/payees/master/import_pages.py": frozenset({"show_import"}),
    "payments/payees/master/pages.py": frozenset({"STATES", "_DONE"}),
    "payments/payees/master/presenting.py": frozenset(
        {"CHANGE_TEXTS", "FIELD_TEXTS", "MODULUS_TEXTS", "STATE_TEXTS", "STOP_TEXTS", "_state"}
    ),
    "payments/payees/master/rules.py": frozenset({"check_facts", "need_words", "payee_hold"}),
    "payments/payees/modulus/check.py": frozenset(
        {"_INVALID", "_NOT_CHECKED", "_VALID", "check_account"}
    ),
    "payments/payees/rules.py": frozenset({"GROUP_TITLES", "MATCH", "OUTCOMES"}),
    "payments/reconciliation/engine/explain.py": frozenset({"_explain_hits", "explain"}),
    "payments/reconciliation/matching.py": frozenset({"_fault_of"}),
    "payments/reconciliation/pages.py": frozenset({"_DONE"}),
    "payments/reconciliation/passes.py": frozenset(
        {"AMOUNT_DATE", "CONTRA", "EXACT_ITEM", "EXACT_KEY", "GROUP", "REFERENCE", "RETURN"}
    ),
    "payments/reconciliation/presenting.py": frozenset(
        {"ACCOUNTS", "CODES", "ENTRY_KINDS", "EVENTS", "KINDS", "RESOLUTIONS", "STATEMENT_STATES"}
    ),
    "payments/reconciliation/readers/csv_lines.py": frozenset({"ColumnMap"}),
    "payments/reconciliation/report/pages.py": frozenset({"_DONE", "_WORDS"}),
    "payments/reconciliation/ruling/pages.py": frozenset({"_DONE", "_STATES"}),
    "payments/reconciliation/ruling/rules.py": frozenset({"check_pattern"}),
    "payments/reconciliation/work/notes.py": frozenset({"check_words"}),
    "payments/reconciliation/work/pages.py": frozenset({"_DONE"}),
    "payments/reconciliation/work/presenting.py": frozenset(
        {"NOTES", "PROPOSAL_STATES", "TARGETS"}
    ),
    "payments/reconciliation/work/rules.py": frozenset(
        {"_judge", "_signals_of_keys", "_signals_of_words"}
    ),
    "payments/reconciliation/work/statements.py": frozenset({"KINDS"}),
    "payments/reconciliation/work/undoing.py": frozenset({"undo_match"}),
    "payments/reports/audit/rules.py": frozenset({"MEETINGS"}),
    "payments/reports/auditor/pages.py": frozenset({"_state"}),
    "payments/reports/evidence/timeline.py": frozenset(
        {
            "KINDS",
            "_ADVICE",
            "_FAILED",
            "_FILE_STATES",
            "_LEDGER",
            "_ORDER",
            "_of_files",
            "make_picture",
            "make_timeline",
        }
    ),
    "payments/reports/remittance/pages.py": frozenset({"show_settings"}),
    "payments/reports/today/presenting.py": frozenset({"_TASKS"}),
    "payments/runs/access.py": frozenset({"_ENTRIES", "_SECTIONS"}),
    "payments/runs/actions/outcomes.py": frozenset({"_BANK"}),
    "payments/runs/pages.py": frozenset({"_DONE", "choose_body"}),
    "payments/runs/presenting.py": frozenset({"present_name_check", "present_payment"}),
    "payments/runs/presenting_run.py": frozenset({"_stage_figures"}),
    "payments/runs/rules.py": frozenset({"ROLE_NAMES", "decide_hold"}),
    "payments/runs/wording.py": frozenset(
        {
            "BANK_TEXTS",
            "RUN_TEXTS",
            "SERVICES",
            "STATE_TEXTS",
            "WORK_TEXTS",
            "_FOR_STAFF",
            "_OF_PAYMENT",
            "tell_citizen",
        }
    ),
    "payments/screening/pages.py": frozenset({"STATE_TEXTS", "_DONE"}),
    "payments/screening/rules.py": frozenset({"HOLD_REASONS"}),
    "payments/uploads/actions/judge.py": frozenset({"_MISMATCH"}),
    "payments/uploads/pages.py": frozenset({"_DONE"}),
    "payments/uploads/wording.py": frozenset(
        {
            "EVENT_TEXTS",
            "FIELD_TEXTS",
            "FORMAT_TEXTS",
            "STAGE_TEXTS",
            "STATE_TEXTS",
            "WARNING_TEXTS",
        }
    ),
    "payments/vouchers/letters/typesetting.py": frozenset({"_contents"}),
    "payments/vouchers/wording.py": frozenset({"DONE", "EVENT_TEXTS", "KIND_TEXTS", "STATE_TEXTS"}),
    "payments/webhooks/pages.py": frozenset({"_DONE", "_moment"}),
    "payments/webhooks/presenting.py": frozenset({"REASONS", "_MEANINGS"}),
    "payments/webhooks/rules.py": frozenset({"_fault_of_url"}),
    "shared/errors.py": frozenset({"Invalid"}),
    "shared/web/relying_party.py": frozenset({"SignInRefused"}),
}


def extract() -> Catalog:
    """Gather every sentence of the services' templates and code that a page may show."""
    with (CATALOGUES / "babel.cfg").open(encoding="utf-8") as source:
        methods, options = parse_mapping_cfg(source)  # type: ignore[no-untyped-call]  # babel has no types here
    template = Catalog(project="clachan", charset="utf-8", fuzzy=False)
    for folder in FOLDERS:
        found = extract_from_dir(
            REPOSITORY / folder, methods, options, KEYWORDS, comment_tags=("Translators:",)
        )
        for name, _, message, comments, context in found:
            template.add(
                message, None, [(f"{folder}/{name}", 0)], auto_comments=comments, context=context
            )
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            for words in spoken_words(name, path.read_text(encoding="utf-8")):
                template.add(words, None, [(name, 0)])
    return template


def spoken_words(name: str, source: str) -> Iterator[str]:
    """Yield the words of refusals and wordings that a module has for people.

    Words that are put together of parts at run time cannot be translated and are left out.

    Raises:
        KeyError: WORDINGS names something that the module no longer has.
    """
    wanted = WORDINGS.get(name, frozenset())
    hears_people = not name.startswith(NOT_ON_PAGES) and not name.endswith("/commands.py")
    if not wanted and not hears_people:
        return
    module = ast.parse(source)
    named = {known: node for node in module.body for known in _names_of(node)}
    for known in sorted(wanted):
        yield from filter(_is_sentence, _strings_of(named[known]))
    if hears_people:
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                yield from _refusal_words(node, named)


def _names_of(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _refusal_words(call: ast.Call, named: Mapping[str, ast.stmt]) -> Iterator[str]:
    if not isinstance(call.func, ast.Name) or call.func.id not in REFUSALS:
        return
    place, keywords = REFUSALS[call.func.id]
    said = [] if place is None else call.args[place : place + 1]
    said += [keyword.value for keyword in call.keywords if keyword.arg in keywords]
    for node in said:
        kept = named.get(node.id) if isinstance(node, ast.Name) else None
        if isinstance(kept, ast.Assign | ast.AnnAssign) and kept.value is not None:
            yield from _literals(kept.value)
        else:
            yield from _literals(node)


def _literals(node: ast.expr) -> Iterator[str]:
    """Yield a string as it stands, or both of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _strings_of(node: ast.AST) -> Iterator[str]:
    """Yield every whole string below a node; no docstring, and no part of a composed string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if is_docstring or isinstance(node, ast.JoinedStr):
        return
    for part in ast.iter_child_nodes(node):
        yield from _strings_of(part)


def _is_sentence(words: str) -> bool:
    """Tell words for people from keys, codes, addresses and colours."""
    return " " in words.strip() or (words[:1].isupper() and not words.isupper())


def update() -> None:
    """Bring every catalogue to the sentences that are in use, keeping what is translated."""
    template = extract()
    for language in LANGUAGES:
        catalogue = read_catalogue(language)
        template.creation_date = catalogue.creation_date
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path = catalogue_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            write_po(target, catalogue, width=100, sort_by_file=True, include_lineno=False)


def stale() -> Iterator[str]:
    """Tell what `update` would change, one sentence per difference; nothing when all is fresh."""
    used = {message.id for message in extract() if message.id}
    for language in LANGUAGES:
        known = {message.id for message in read_catalogue(language) if message.id}
        yield from (f"{language}: not in the catalogue: {words}" for words in used - known)
        yield from (f"{language}: no longer used: {words}" for words in known - used)


def untranslated(language: str) -> list[str]:
    """Return the sentences that a language still shows in English."""
    missing = []
    for message in read_catalogue(language):
        words, forms = message.id, message.string
        if words and not all(forms if isinstance(forms, list | tuple) else [forms]):
            missing.append(words if isinstance(words, str) else words[0])
    return missing


def main(arguments: list[str]) -> int:
    """Do what the command line asks; answer 1 when `check` finds a stale catalogue."""
    parser = argparse.ArgumentParser(prog="python -m shared.web.translations")
    parser.add_argument("command", choices=("update", "check", "missing"))
    command = parser.parse_args(arguments).command
    if command == "update":
        update()
        return 0
    if command == "missing":
        sys.stdout.writelines(f"{words}\n" for words in untranslated("gd"))
        return 0
    differences = sorted(stale())
    sys.stdout.writelines(f"{difference}\n" for difference in differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

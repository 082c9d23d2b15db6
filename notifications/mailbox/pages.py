"""A person's mailbox in the browser: list, letter, PDF, archive."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from notifications.mailbox.queries import (
    Folder,
    LetterView,
    Listing,
    OpenMailbox,
    find_mailbox,
    get_letter,
    get_letter_pdf,
    list_letters,
)
from notifications.mailbox.reading import (
    archive_letter,
    mark_unread,
    note_download,
    open_letter,
    restore_letter,
)
from notifications.sealing.deps import VaultDep
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import NotFound
from shared.web.deps import NowDep, RuntimeDep, SessionDep
from shared.web.login import SignedIn

router = APIRouter()

_ROOT = "/notifications/"
_PATHS: dict[Folder, str] = {"inbox": _ROOT, "archive": f"{_ROOT}archive"}
_LARGEST_PAGE = 1_000_000


@dataclass(frozen=True)
class Reader:
    """The signed-in person and their mailbox, None where they have none."""

    actor: Actor
    mailbox: OpenMailbox | None

    @property
    def own(self) -> OpenMailbox:
        """Return the mailbox; whoever has none finds nothing here."""
        if self.mailbox is None:
            raise NotFound("message_unknown", "There is no such message")
        return self.mailbox


def get_reader(person: SignedIn, session: SessionDep, vault: VaultDep) -> Reader:
    """Return who reads; sends everybody else to sign in."""
    actor = Actor(kind="citizen", id=person.subject)
    return Reader(actor, find_mailbox(session, vault, person.subject))


ReaderDep = Annotated[Reader, Depends(get_reader)]
PageNumber = Annotated[int, Query(ge=1, le=_LARGEST_PAGE)]


@router.get("/")
def show_inbox(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    reader: ReaderDep,
    q: str = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show the letters that are not archived, newest first."""
    return _show_folder(request, runtime, session, reader, "inbox", q, page, done)


@router.get("/archive")
def show_archive(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    reader: ReaderDep,
    q: str = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show the letters that the person put away."""
    return _show_folder(request, runtime, session, reader, "archive", q, page, done)


def _show_folder(
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    reader: Reader,
    folder: Folder,
    search: str,
    page: int,
    done: str,
) -> Response:
    if reader.mailbox is None:
        return runtime.pages.render(request, "mailbox/none.html")
    listing = list_letters(session, reader.mailbox, folder, search=search, page=page)
    return runtime.pages.render(
        request,
        "mailbox/list.html",
        folder=folder,
        path=_PATHS[folder],
        listing=listing,
        search=search,
        done=done,
        page_links=_page_links(listing),
    )


def _page_links(listing: Listing) -> list[int]:
    """Return the numbers worth a link: first, last, and those around this page; 0 for a gap."""
    near = {1, listing.pages, listing.page - 1, listing.page, listing.page + 1}
    numbers = sorted(number for number in near if 1 <= number <= listing.pages)
    links: list[int] = []
    for number in numbers:
        if links and number > links[-1] + 1:
            links.append(0)
        links.append(number)
    return links


@router.get("/mailbox/{message_id}")
def show_letter(
    message_id: UUID,
    request: Request,
    runtime: RuntimeDep,
    session: SessionDep,
    reader: ReaderDep,
    now: NowDep,
) -> Response:
    """Show a letter and mark it opened; a browser that only looks ahead opens nothing."""
    if "prefetch" not in request.headers.get("Sec-Purpose", ""):
        open_letter(session, reader.own, message_id, reader.actor, now)
    letter = get_letter(session, reader.own, message_id)
    return runtime.pages.render(
        request, "mailbox/letter.html", letter=letter, kilobytes=_kilobytes(letter)
    )


def _kilobytes(letter: LetterView) -> int:
    return max(1, round(letter.letter_bytes / 1024))


@router.get("/mailbox/{message_id}/letter.pdf")
def download_letter(
    message_id: UUID, session: SessionDep, reader: ReaderDep, now: NowDep
) -> Response:
    """Return the letter as PDF; fetching it is opening it."""
    open_letter(session, reader.own, message_id, reader.actor, now)
    pdf, published_at = get_letter_pdf(session, reader.own, message_id)
    note_download(session, message_id, reader.actor, now)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="letter-{london_date(published_at)}.pdf"',
            "Cache-Control": "private, no-store",
            "X-Robots-Tag": "noindex, nofollow",
        },
    )


@router.post("/mailbox/{message_id}/archive")
def archive(message_id: UUID, session: SessionDep, reader: ReaderDep, now: NowDep) -> Response:
    """Put a letter away."""
    archive_letter(session, reader.own, message_id, reader.actor, now)
    return RedirectResponse(f"{_ROOT}?done=archived", 303)


@router.post("/mailbox/{message_id}/restore")
def restore(message_id: UUID, session: SessionDep, reader: ReaderDep, now: NowDep) -> Response:
    """Bring a letter back to the inbox."""
    restore_letter(session, reader.own, message_id, reader.actor, now)
    return RedirectResponse(f"{_PATHS['archive']}?done=restored", 303)


@router.post("/mailbox/{message_id}/unread")
def unread(message_id: UUID, session: SessionDep, reader: ReaderDep, now: NowDep) -> Response:
    """Show a letter as unread again."""
    mark_unread(session, reader.own, message_id, reader.actor, now)
    return RedirectResponse(f"{_ROOT}?done=unread", 303)

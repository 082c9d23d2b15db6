"""The pictures of clients as browsers get them: from us, never from a foreign host."""

from fastapi import APIRouter, Depends
from starlette.responses import Response

from identity.registration.queries import find_picture
from shared.errors import NotFound
from shared.web.deps import SessionDep, public

router = APIRouter(dependencies=[Depends(public)])


@router.get("/clients/{client_id}/logo")
def show_logo(client_id: str, session: SessionDep) -> Response:
    """Serve the picture of a client as what it was found to be, and as nothing else."""
    found = find_picture(session, client_id)
    if found is None:
        raise NotFound("logo_unknown", "There is no such picture")
    headers = {
        "Cache-Control": "public, max-age=3600",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(found.content, media_type=found.media_type, headers=headers)

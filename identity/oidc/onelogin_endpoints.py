"""The endpoints that only the One Login profile has: trustmark and identity keys."""

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from identity.oidc.access import CallDep
from identity.oidc.did_document import CACHE_SECONDS, did_of, make_did_document
from identity.oidc.onelogin_id_token import make_trustmark
from shared.web.deps import public

router = APIRouter(dependencies=[Depends(public)])
_ALL = {"Access-Control-Allow-Origin": "*"}


@router.get("/trustmark")
def trustmark(call: CallDep) -> Response:
    """Tell what the levels of trust are, and who says so."""
    cache = {"Cache-Control": f"public, max-age={call.profile.metadata_seconds}"}
    return JSONResponse(make_trustmark(call.issuer), headers=cache | _ALL)


@router.get("/did.json")
@router.get("/.well-known/did.json")
def did_document(call: CallDep) -> Response:
    """Publish the keys of identity proofs where the resolution of did:web looks for them."""
    keys = call.provider.identity_keys.get(call.session, call.now)
    document = make_did_document(did_of(call.provider.settings, call.issuer), keys)
    cache = {"Cache-Control": f"public, max-age={CACHE_SECONDS}"}
    return JSONResponse(document, media_type="application/did+json", headers=cache | _ALL)

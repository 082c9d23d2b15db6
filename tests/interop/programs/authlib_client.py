"""A service written with Authlib's Starlette client as its users write one."""

import os
from pathlib import Path

import uvicorn
from authlib.integrations.starlette_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

PORT = int(os.environ["PORT"])
ISSUER = os.environ["ISSUER"]
BASE = f"http://localhost:{PORT}"

oauth = OAuth()
oauth.register(
    "clachan",
    client_id=os.environ["CLIENT_ID"],
    client_secret=ECKey.import_key(Path(os.environ["KEY_FILE"]).read_text()),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    token_endpoint_auth_method="private_key_jwt",
    client_auth_methods=[PrivateKeyJWT(f"{ISSUER}/token", alg="ES256")],
    client_kwargs={"scope": os.environ["SCOPE"], "code_challenge_method": "S256"},
)


def page(title: str, held: object = "") -> Response:
    """Return what the tests look at."""
    return HTMLResponse(
        f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1>'
        f'<pre id="held">{held}</pre></html>'
    )


async def login(request: Request) -> Response:
    """Send the person to the provider."""
    answer: Response = await oauth.clachan.authorize_redirect(request, f"{BASE}/callback")
    return answer


async def callback(request: Request) -> Response:
    """Take the answer; Authlib checks state, nonce, signature and times."""
    token = await oauth.clachan.authorize_access_token(request)
    userinfo = await oauth.clachan.userinfo(token=token)
    request.session["held"] = {"sub": token["userinfo"]["sub"], "userinfo": dict(userinfo)}
    request.session["id_token"] = token["id_token"]
    return RedirectResponse("/me", 302)


async def me(request: Request) -> Response:
    """Show who is signed in."""
    held = request.session.get("held")
    return page("Signed in", held) if held else page("Signed out")


async def logout(request: Request) -> Response:
    """End the session here and at the provider."""
    metadata = await oauth.clachan.load_server_metadata()
    hint = request.session.pop("id_token", "")
    request.session.clear()
    target = f"{metadata['end_session_endpoint']}?id_token_hint={hint}"
    return RedirectResponse(f"{target}&post_logout_redirect_uri={BASE}/goodbye", 302)


async def goodbye(_request: Request) -> Response:
    """Say that it is over."""
    return page("Signed out")


app = Starlette(
    routes=[
        Route("/login", login),
        Route("/callback", callback),
        Route("/me", me),
        Route("/logout", logout),
        Route("/goodbye", goodbye),
        Route("/", goodbye),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="of this test alone")],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")

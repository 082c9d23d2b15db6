"""Debian's Apache with mod_auth_openidc in front of a page of its own."""

import os
import shutil
from pathlib import Path

import pytest

from tests.interop.conftest import Foreign, Guest, Registered

pytestmark = pytest.mark.interop

MODULES = Path("/usr/lib/apache2/modules")
_CONFIGURATION = """
ServerRoot "{folder}"
ServerName localhost
PidFile "{folder}/httpd.pid"
ErrorLog "{folder}/error.log"
LogLevel warn
DefaultRuntimeDir "{folder}"
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
TypesConfig /etc/mime.types
DocumentRoot "{folder}/pages"
DirectoryIndex index.html
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCSSLValidateServer Off
OIDCClientID {client_id}
OIDCClientSecret "{secret}"
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCScope "openid email"
OIDCPKCEMethod S256
OIDCRedirectURI http://localhost:{port}/protected/callback
OIDCCryptoPassphrase of-this-test-alone
OIDCCookieSameSite On
OIDCRemoteUserClaim email
<Directory "{folder}/pages">
  Require all granted
</Directory>
<Location "/protected">
  AuthType openid-connect
  Require valid-user
  Header set X-Person "expr=%{{REMOTE_USER}}"
</Location>
"""


def apache() -> str:
    found = shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")
    if found is None or not (MODULES / "mod_auth_openidc.so").exists():
        if os.environ.get("CI"):
            pytest.fail("CI may not skip Apache: install libapache2-mod-auth-openidc")
        pytest.skip("no Apache with mod_auth_openidc on this machine")
    return found


def run(foreign: Foreign, known: Registered, secret: str) -> None:
    pages = foreign.folder / "pages"
    (pages / "protected").mkdir(parents=True)
    for place, title in ((pages, "Signed out"), (pages / "protected", "Signed in")):
        (place / "index.html").write_text(f"<h1>{title}</h1>")
    (pages / "goodbye").write_text("<h1>Signed out</h1>")
    foreign.folder.chmod(0o755)
    configuration = foreign.folder / "httpd.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=foreign.folder,
            modules=MODULES,
            port=known.port,
            issuer=foreign.platform.values["CLACHAN_OIDC_ISSUER"],
            client_id=known.client_id,
            secret=secret,
        )
    )
    foreign.run([apache(), "-X", "-f", str(configuration)], known)


def test_mod_auth_openidc(foreign: Foreign, guest: Guest) -> None:
    apache()
    secret = "an invented secret of more than forty letters"
    (foreign.folder / "apache-client.secret").write_text(secret)
    known = foreign.register(
        "apache-client",
        "/protected/callback",
        auth_method="client_secret_basic",
        scopes=["openid", "email"],
    )
    run(foreign, known, secret)
    guest.page.goto(f"{known.base}/protected/")
    guest.sign_in()
    guest.sees("Signed in")
    answer = guest.page.goto(f"{known.base}/protected/")
    assert answer is not None
    assert answer.headers["x-person"] == guest.email
    back = f"{known.base}/goodbye".replace(":", "%3A").replace("/", "%2F")
    guest.page.goto(f"{known.base}/protected/callback?logout={back}")
    guest.page.wait_for_url(f"{known.base}/goodbye")
    assert guest.is_asked_to_sign_in(f"{known.base}/protected/")

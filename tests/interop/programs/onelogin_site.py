"""A Django site with govuk-onelogin-django as its users set one up; runs in its own environment."""

import os
import sys

import django
from django.conf import settings
from django.contrib.auth import logout
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

settings.configure(
    DEBUG=True,
    SECRET_KEY="of this test alone",
    ALLOWED_HOSTS=["localhost"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "govuk_onelogin_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["govuk_onelogin_django.backends.OneLoginBackend"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    LOGIN_URL="/one-login/login/",
    LOGIN_REDIRECT_URL="/me",
    GOV_UK_ONE_LOGIN_CLIENT_ID=os.environ["CLIENT_ID"],
    GOV_UK_ONE_LOGIN_CLIENT_SECRET=os.environ["KEY_BASE64"],
    GOV_UK_ONE_LOGIN_OPENID_CONFIG_URL=os.environ["OPENID_CONFIG_URL"],
    GOV_UK_ONE_LOGIN_SCOPE="openid email",
    GOV_UK_ONE_LOGIN_AUTHENTICATION_LEVEL="Cl.Cm",
    GOV_UK_ONE_LOGIN_CONFIDENCE_LEVEL=os.environ.get("CONFIDENCE", "P0"),
)
django.setup()

from govuk_onelogin_django.utils import (  # noqa: E402 - wants the settings first
    TOKEN_SESSION_KEY,
    OneLoginConfig,
)


def me(request: HttpRequest) -> HttpResponse:
    """Show who is signed in."""
    user = request.user
    title = "Signed in" if user.is_authenticated else "Signed out"
    held = f"{user.get_username()} {user.email}" if user.is_authenticated else ""
    return HttpResponse(
        f'<!DOCTYPE html><html lang="en"><title>{title}</title><h1>{title}</h1>'
        f'<pre id="held">{held}</pre></html>'
    )


def log_out(request: HttpRequest) -> HttpResponse:
    """End the session here and at the provider, as the package's users are told to write it."""
    hint = request.session[TOKEN_SESSION_KEY]["id_token"]
    logout(request)
    back = f"http://localhost:{os.environ['PORT']}/me"
    return redirect(
        f"{OneLoginConfig().end_session_url}?id_token_hint={hint}&post_logout_redirect_uri={back}"
    )


urlpatterns = [
    path("one-login/", include("govuk_onelogin_django.urls")),
    path("me", me),
    path("log-out", log_out),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    call_command("runserver", f"127.0.0.1:{os.environ['PORT']}", "--noreload", stdout=sys.stderr)

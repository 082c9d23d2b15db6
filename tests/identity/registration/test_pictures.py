"""What people see of a client that registered itself: its picture from us, its pages as links."""

import pytest

from identity.registration.rules import LARGEST_PICTURE, LOGO_TOPIC, picture_type
from identity.registration.tasks import fetch_picture
from shared.guarded_http import OutboundError
from shared.outbox import Job
from tests.identity.oidc.world import World
from tests.identity.registrar import DynamicClient, Registrar
from tests.support.outside import Outside

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture"


def fetch(world: World, attempt: int = 1) -> None:
    payload = world.scalar("SELECT payload FROM outbox WHERE topic = :topic", topic=LOGO_TOPIC)
    assert isinstance(payload, dict)
    job = Job(1, LOGO_TOPIC, payload, attempt, world.database, world.settings)
    fetch_picture(job, world.settings.make_outbound())


def page_of(client: DynamicClient) -> str:
    """Return the page that a person sees on the way to the client."""
    answer = client.authorize(prompt="login")
    return client.world.http.get(answer.headers["location"], follow_redirects=True).text


def test_the_picture_is_served_by_us(registrar: Registrar, outside: Outside) -> None:
    url = outside.serve("/logo.png", PNG, content_type="text/html")
    client = registrar.register(logo_uri=url)
    assert client.about["logo_uri"] == url
    assert 'id="client-logo"' not in page_of(client)
    fetch(registrar.world)
    page = page_of(client)
    place = f"/identity/clients/{client.id}/logo"
    assert f'src="{place}"' in page
    assert url not in page
    served = registrar.world.http.get(place)
    assert (served.content, served.headers["content-type"]) == (PNG, "image/png")
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]


@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"<html>", b"", b"RIFFxxxxWAVE"],
)
def test_what_is_no_picture_is_not_shown(
    registrar: Registrar, outside: Outside, content: bytes
) -> None:
    client = registrar.register(logo_uri=outside.serve("/logo", content, content_type="image/png"))
    fetch(registrar.world)
    assert registrar.world.http.get(f"/identity/clients/{client.id}/logo").status_code == 404
    assert 'id="client-logo"' not in page_of(client)


def test_a_picture_that_is_too_large_is_given_up_in_time(
    registrar: Registrar, outside: Outside
) -> None:
    large = outside.serve("/logo.png", PNG + bytes(LARGEST_PICTURE))
    registrar.register(logo_uri=large)
    for attempt in range(1, 5):
        with pytest.raises(OutboundError):
            fetch(registrar.world, attempt)
    fetch(registrar.world, 5)
    assert registrar.world.scalar("SELECT count(*) FROM client_logo") == 0


def test_another_address_makes_the_old_picture_go(registrar: Registrar, outside: Outside) -> None:
    client = registrar.register(logo_uri=outside.serve("/logo.png", PNG))
    fetch(registrar.world)
    wish = {"client_id": client.id, "redirect_uris": client.about["redirect_uris"]}
    changed = registrar.world.http.put(client.place, json=wish, headers=client.bearer)
    assert changed.status_code == 200
    assert registrar.world.scalar("SELECT count(*) FROM client_logo") == 0


def test_the_pages_of_the_client_are_links(registrar: Registrar) -> None:
    page = page_of(
        registrar.register(
            policy_uri="https://council.example/privacy",
            tos_uri="https://council.example/terms",
            client_uri="https://council.example/?a=1&b=<2>",
        )
    )
    assert '<a id="client-policy" href="https://council.example/privacy"' in page
    assert '<a id="client-terms" href="https://council.example/terms"' in page
    assert "a=1&amp;b=" in page
    assert "<2>" not in page


def test_a_client_without_pages_has_no_such_part(registrar: Registrar) -> None:
    assert 'id="about-client"' not in page_of(registrar.register())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
    ],
    ids=["png", "jpeg", "gif", "webp"],
)
def test_pictures_are_known_by_their_bytes(content: bytes, kind: str) -> None:
    assert picture_type(content) == kind

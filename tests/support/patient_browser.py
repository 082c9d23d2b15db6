"""A browser without scripts that gives up on nothing: what does not come is asked for again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx
from lxml import html

_AWAY = (502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_PAUSE_SECONDS = 0.25
_MOST_HOPS = 20


class Browser:
    """A browser without scripts: cookies per address, redirects, forms, and endless patience."""

    def __init__(self, home: str, patience_seconds: float = 90) -> None:
        self.home = home
        self.patience_seconds = patience_seconds
        self.url = home
        self.status = 0
        self.text = ""
        self.trail: list[str] = []
        self.visited: list[str] = []
        self.resent = 0
        self._clients: dict[str, httpx.Client] = {}

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def copy(self) -> "Browser":
        """Return another window of the same browser: the same cookies, connections of its own."""
        twin = Browser(self.home, self.patience_seconds)
        twin.url, twin.status, twin.text = self.url, self.status, self.text
        for place, client in self._clients.items():
            twin._client(place).cookies.update(client.cookies)
        return twin

    def open(self, address: str) -> None:
        """Open an address; one without a host lies on the platform."""
        self._go("GET", urljoin(self.home, address), None)

    def send(self, fields: Mapping[str, str], *, action: str = "", button: str = "") -> None:
        """Send the form with these fields (or this action) with its hidden and chosen inputs."""
        form = self.find_form(fields, action)
        content = form_content(form) | dict(fields)
        if button:
            content[button] = ""
        target = urljoin(self.url, form.get("action") or self.url)
        if (form.get("method") or "get").lower() == "get":
            self._go("GET", str(httpx.URL(target, params=content)), None)
        else:
            self._go("POST", target, content)

    def follow(self, words: str) -> None:
        """Follow the first link or button of the page that bears these words."""
        for link in self.tree.xpath("//main//a[@href] | //body//a[@href]"):
            if words.lower() in " ".join(link.text_content().split()).lower():
                self.open(urljoin(self.url, link.get("href")))
                return
        raise AssertionError(f"no link {words!r} on {self.url}: {self.main}")

    def find_form(self, fields: Mapping[str, str], action: str = "") -> html.HtmlElement:
        """Return the first form that has all these fields and whose action ends so."""
        for form in self.tree.xpath("//form[not(ancestor::header)]"):
            names = set(form.xpath(".//@name"))
            where = urljoin(self.url, form.get("action") or self.url)
            if names.issuperset(fields) and urlsplit(where).path.endswith(action):
                return form
        raise AssertionError(f"no form with {sorted(fields)} on {self.url}: {self.main}")

    def has(self, condition: str) -> bool:
        """Tell whether an XPath condition finds anything on the page."""
        return bool(self.tree.xpath(condition))

    @property
    def tree(self) -> html.HtmlElement:
        """The page as a tree."""
        return html.fromstring(self.text or "<html/>")

    @property
    def path(self) -> str:
        """The path of the page's address."""
        return urlsplit(self.url).path

    @property
    def main(self) -> str:
        """What the page says."""
        return " ".join(self.tree.xpath("string(//main | //body)").split())

    def _go(self, method: str, url: str, content: dict[str, str] | None) -> None:
        for _ in range(_MOST_HOPS):
            self.visited.append(url)
            answer = self._ask(method, url, content)
            if answer.status_code not in _REDIRECTS:
                self.url, self.status, self.text = url, answer.status_code, answer.text
                said = "" if answer.is_success else self.main[:150]
                self.trail.append(f"{answer.status_code} {method} {urlsplit(url).path} {said}")
                return
            if answer.status_code not in (307, 308):
                method, content = "GET", None
            url = urljoin(url, answer.headers["Location"])
            self.trail.append(f"-> {urlsplit(url).path}")
        raise AssertionError(f"redirected without end: {self.trail[-_MOST_HOPS:]}")

    def _ask(self, method: str, url: str, content: dict[str, str] | None) -> httpx.Response:
        end = time.monotonic() + self.patience_seconds
        why = ""
        while time.monotonic() < end:
            parts = urlsplit(url)
            client = self._client(f"{parts.scheme}://{parts.netloc}")
            try:
                answer = client.request(method, url, data=content)
            except httpx.TransportError as error:
                why = repr(error)
            else:
                if answer.status_code not in _AWAY:
                    return answer
                why = f"{answer.status_code} {answer.text[:200]}"
            self.resent += 1
            time.sleep(_PAUSE_SECONDS)
        raise AssertionError(f"patience is over: {method} {url}: {why}")

    def _client(self, place: str) -> httpx.Client:
        if place not in self._clients:
            self._clients[place] = httpx.Client(timeout=30, follow_redirects=False)
        return self._clients[place]


def form_content(form: html.HtmlElement) -> dict[str, str]:
    """Return what a browser would send of an untouched form."""
    content: dict[str, str] = {}
    for item in form.xpath(".//input[@name] | .//textarea[@name]"):
        kind = item.get("type", "text")
        if kind in ("radio", "checkbox") and item.get("checked") is None:
            continue
        if kind not in ("submit", "file", "image"):
            content[item.get("name")] = item.get("value", "") or item.text or ""
    for item in form.xpath(".//select[@name]"):
        chosen = item.xpath(".//option[@selected]/@value") or item.xpath(".//option/@value")
        content[item.get("name")] = chosen[0] if chosen else ""
    return content


@dataclass
class Inbox:
    """The stand-in mail server's inbox, asked as often as it takes."""

    url: str

    def mails(self, address: str) -> list[dict[str, object]]:
        """Return the emails to an address, newest first; none while the inbox is away."""
        try:
            answer = httpx.get(f"{self.url}/api/messages", params={"to": address}, timeout=10)
            found: list[dict[str, object]] = answer.raise_for_status().json()
        except httpx.HTTPError:
            return []
        return found

    def codes(self, address: str) -> list[str]:
        """Return the one-time codes that were mailed to an address, newest first."""
        return [str(mail["code"]) for mail in self.mails(address) if mail.get("code")]

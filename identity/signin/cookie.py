"""Names of the cookies of signing in; values are random and only their hashes are stored."""

SESSION_COOKIE = "clachan-session"
SECURE_SESSION_COOKIE = "__Host-session"
BROWSER_COOKIE = "clachan-browser"
SECURE_BROWSER_COOKIE = "__Host-browser"
FLOW_COOKIE = "clachan-flow"
SECURE_FLOW_COOKIE = "__Host-flow"
SANDBOX_COOKIE = "clachan-sandbox"
SECURE_SANDBOX_COOKIE = "__Host-sandbox"
STATE_COOKIE = "clachan-state"
SECURE_STATE_COOKIE = "__Host-state"

PAGE_COOKIE = "clachan-page"
SECURE_PAGE_COOKIE = "__Host-page"


def session_cookie(*, secure: bool) -> str:
    """Return the name of the session's cookie; over https it is bound to the host."""
    return SECURE_SESSION_COOKIE if secure else SESSION_COOKIE


def browser_cookie(*, secure: bool) -> str:
    """Return the name of the cookie that ties a one-time code to the browser that asked for it."""
    return SECURE_BROWSER_COOKIE if secure else BROWSER_COOKIE


def flow_cookie(*, secure: bool) -> str:
    """Return the name of the cookie that remembers which service the person came from."""
    return SECURE_FLOW_COOKIE if secure else FLOW_COOKIE


def sandbox_cookie(*, secure: bool) -> str:
    """Return the name of the cookie of a fictitious session, which real clients never look at."""
    return SECURE_SANDBOX_COOKIE if secure else SANDBOX_COOKIE


def state_cookie(*, secure: bool) -> str:
    """Return the name of the cookie that scripts compare to see whether the session changed."""
    return SECURE_STATE_COOKIE if secure else STATE_COOKIE


def page_cookie(*, secure: bool) -> str:
    """Return the name of the cookie that remembers which page of ours a person wanted to see."""
    return SECURE_PAGE_COOKIE if secure else PAGE_COOKIE

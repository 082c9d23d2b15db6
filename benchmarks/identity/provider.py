"""CPU of the provider per operation against npm's oidc-provider, over real sockets in one run.

Both sign with ES256 and give JWT access tokens. The baseline keeps everything in its memory, ours
in a durable PostgreSQL. They take turns, so that the machine's mood hits both alike; what is
compared is the CPU time of the two server processes, best of the turns (the least disturbed one).
PostgreSQL's own CPU is shown beside it.

    python benchmarks/identity/provider.py [operations per turn] [turns]
"""

import base64
import hashlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import psutil
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import Postgres, free_port
from deploy.local.programs import find_node
from identity.accounts.actions import create_account
from identity.accounts.vault import open_vault
from identity.keys.actions import ensure_keys
from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.rules import RelyingParty
from identity.signin.actions import Visitor, open_session
from shared import clock
from shared.actors import SYSTEM
from shared.crypto import Sealer, hash_token
from shared.db import Database, make_engine
from shared.migrate import upgrade

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CALLBACK = "https://council.example/callback"
CLIENT, ROBOT = "bench-council", "bench-robot"
SECRET = secrets.token_urlsafe(40)
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
FORM = "application/x-www-form-urlencoded"


@dataclass
class Side:
    """One of the two providers as a client sees it."""

    name: str
    port: int
    pids: list[int]
    authorize: str
    token: str
    introspect: str
    cookies: dict[str, str] = field(default_factory=dict)
    connection: HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        """Open the connection."""
        self.connect()

    def connect(self) -> None:
        """Open the one connection over which everything is asked."""
        self.connection = HTTPConnection("127.0.0.1", self.port)
        self.connection.connect()
        assert self.connection.sock is not None
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and return status, headers and body."""
        sent = {"Host": "localhost", **headers}
        if body is not None:
            sent["Content-Type"] = FORM
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";", 1)[0].partition("=")
            self.cookies[name] = value
        return answer.status, {k.lower(): v for k, v in answer.headers.items()}, content

    @property
    def cookie(self) -> str:
        """The cookies of the person who is signed in."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def code(self, client_id: str, cookie: str, challenge: str) -> str:
        """Get a code for the person of a cookie."""
        query = {
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        path = f"{self.authorize}?{urlencode(query, quote_via=quote)}"
        for _ in range(5):
            status, headers, content = self.ask("GET", path, None, Cookie=cookie)
            assert status in (302, 303), content
            parts = urlsplit(headers["location"])
            if headers["location"].startswith(CALLBACK):
                return parse_qs(parts.query)["code"][0]
            # Only the first time: the baseline lets everybody in who follows its redirects.
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            cookie = self.cookie
        raise AssertionError(path)

    def redeem(self, code: str, authorization: str) -> None:
        """Redeem a code."""
        form = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": CALLBACK,
                "code_verifier": VERIFIER,
            }
        )
        status, _, content = self.ask("POST", self.token, form, Authorization=authorization)
        assert status == 200, content
        assert b"id_token" in content

    def cpu(self) -> float:
        """Return the CPU seconds of the server's processes so far."""
        return sum(_cpu(pid) for pid in self.pids)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def basic_of(client_id: str) -> str:
    """Return the Authorization header of a client."""
    return "Basic " + base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()


def client_credentials(side: Side) -> str:
    """Get a token for a program."""
    form = "grant_type=client_credentials&scope=payments.read"
    status, _, content = side.ask("POST", side.token, form, Authorization=basic_of(ROBOT))
    assert status == 200, content
    return str(json.loads(content)["access_token"])


def code_flow(side: Side) -> None:
    """Get a code with the live session and redeem it."""
    side.redeem(side.code(CLIENT, side.cookie, CHALLENGE), basic_of(CLIENT))


def start_baseline(stack: ExitStack, key: ECKey) -> Side:
    """Start npm's provider."""
    port = free_port()
    private = json.dumps({**key.as_dict(private=True), "use": "sig", "alg": "ES256", "kid": "k"})
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "production",
        "PORT": str(port),
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": SECRET,
        "ROBOT_ID": ROBOT,
        "CALLBACK": CALLBACK,
        "RESOURCE": "https://platform.example",
        "SIGNING_KEY": private,
    }
    process = subprocess.Popen(  # noqa: S603 - the Node that the platform runs
        [str(find_node()), str(HERE / "baseline.mjs")],
        cwd=REPOSITORY / "deploy" / "node",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return Side("oidc-provider", port, [process.pid], "/auth", "/token", "/token/introspection")


def start_ours(stack: ExitStack, folder: Path) -> tuple[Side, Postgres, Database]:
    """Start a durable PostgreSQL and one web process of identity on it."""
    server = Postgres(folder / "pg", free_port(), secrets.token_hex(8), durable=True)
    server.initialise()
    server.start()
    stack.callback(server.stop)
    words = {role: secrets.token_hex(8) for role in LOGINS}
    create_database(server.url(), "bench", words)
    url = f"postgresql+psycopg://{{}}@127.0.0.1:{server.port}/bench"
    upgrade("identity", url.format(f"{MIGRATOR}:{words[MIGRATOR]}"))
    own = url.format(f"identity:{words['identity']}")
    key_file = folder / "identity.kek"
    key_file.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    key_file.chmod(0o600)
    database = Database(make_engine(own, service="bench"))
    stack.callback(database.engine.dispose)
    cookie = seed(database, Sealer(key_file))
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "IDENTITY_ENVIRONMENT": "development",
        "IDENTITY_PUBLIC_URL": f"http://localhost:{port}",
        "IDENTITY_OIDC_ISSUER": f"http://localhost:{port}/identity/oidc",
        "IDENTITY_PORT": str(port),
        "IDENTITY_DATABASE_URL": own,
        "IDENTITY_BROKER_URL": "redis://127.0.0.1:1/0",
        "IDENTITY_SECRET_KEY": secrets.token_urlsafe(32),
        "IDENTITY_ENCRYPTION_KEY_FILE": str(key_file),
        "IDENTITY_LOG_LEVEL": os.environ.get("BENCH_LOG_LEVEL", "INFO"),
        "IDENTITY_CLIENT_REQUESTS_PER_MINUTE": "10000000",
    }
    log = stack.enter_context((folder / "identity.log").open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-m", "identity", "web"],
        env=environment,
        cwd=REPOSITORY,
        stdout=log,
        stderr=log,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    _wait(port, folder / "identity.log")
    path = "/identity/oidc"
    side = Side(
        "Clachan", port, [process.pid], f"{path}/authorize", f"{path}/token", f"{path}/introspect"
    )
    side.cookies["clachan-session"] = cookie
    return side, server, database


def _wait(port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


def seed(database: Database, sealer: Sealer) -> str:
    """Register the two clients and sign somebody in; returns the cookie."""
    vault, now = open_vault(database, sealer), clock.now()
    person = RelyingParty(
        client_id=CLIENT,
        name="Bench",
        organisation="strathclachan",
        profile="oidc",
        auth_method="client_secret_basic",
        secret_hash=hash_token(SECRET),
        redirect_uris=(CALLBACK,),
        scopes=("openid",),
        grant_types=("authorization_code", "refresh_token"),
        sector="council.example",
    )
    robot = RelyingParty(
        client_id=ROBOT,
        name="Bench",
        organisation="strathclachan",
        profile="oidc",
        auth_method="client_secret_basic",
        secret_hash=hash_token(SECRET),
        scopes=("payments.read",),
        grant_types=("client_credentials",),
    )
    visitor = Visitor(hash_token("bench"), "127.0.0.1", "Bench", "en")
    with database.transaction() as session:
        ensure_keys(session, sealer, now)
        for party in (person, robot):
            register_relying_party(session, party, [], SYSTEM, now)
        account = create_account(
            session,
            vault,
            email="bench@example.test",
            password_hash="none",  # noqa: S106 - nobody signs in with it
            language="en",
            now=now,
        )
        assert account is not None
        return open_session(session, visitor, account_id=account, now=now).cookie


def unit() -> float:
    """Return the CPU seconds of one ES256 signature over a token of eleven claims: the unit U."""
    key = ECKey.generate_key("P-256")
    claims: dict[str, object] = {f"claim{number}": "x" * 20 for number in range(11)}
    rounds = 2000
    started = time.process_time()
    for _ in range(rounds):
        jwt.encode({"alg": "ES256", "kid": "k"}, claims, key, algorithms=["ES256"])
    return (time.process_time() - started) / rounds


def database_cpu(server: Postgres) -> float:
    """Return the CPU seconds of PostgreSQL's processes, those that have ended too."""
    first = psutil.Process(int((server.directory / "postmaster.pid").read_text().split()[0]))
    living = [first, *first.children(recursive=True)]
    ended = first.cpu_times()
    now = sum(sum(one.cpu_times()[:2]) for one in living)
    return now + ended.children_user + ended.children_system


def measure(sides: list[Side], work: Callable[[Side], object], operations: int, turns: int) -> None:
    """Let the sides take turns and print the best CPU time per operation of each."""
    best: dict[str, float] = {}
    for _ in range(turns):
        for side in sides:
            side.connect()  # it lay idle while the other side had its turn
            before = side.cpu()
            for _ in range(operations):
                work(side)
            used = (side.cpu() - before) / operations
            best[side.name] = min(used, best.get(side.name, used))
    ours, theirs = best["Clachan"], best["oidc-provider"]
    print(
        f"{work.__name__:20} ours {ours * 1000:.3f} ms, oidc-provider {theirs * 1000:.3f} ms,"
        f" ratio {ours / theirs:.2f}, {ours / UNIT:.1f} U"
    )


UNIT = unit()


def main(operations: int = 1000, turns: int = 5) -> None:
    """Measure the operations and print what each costs."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        ours, _server, _database = start_ours(stack, Path(folder))
        sides = [ours, start_baseline(stack, ECKey.generate_key("P-256"))]
        for side in sides:
            for _ in range(300):
                client_credentials(side)
                code_flow(side)
        print(f"U = {UNIT * 1000:.3f} ms")
        for work in (client_credentials, code_flow):
            measure(sides, work, operations, turns)
        memory = psutil.Process(ours.pids[0]).memory_info().rss / 1e6
        print(f"memory of our process {memory:.0f} MB")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))

"""The ledger of a body as files that the verifier proves, and the verifier itself beside them."""

import json
import zipfile
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

import payments.ledger.verifier as verifier_package
from payments.ledger.seal.lines import COMMITMENT, CONTROL_LINE, entry_line

_BLOCKS = text(
    """
    SELECT id, kind, height, year, first_number, size, encode(root, 'hex') AS root,
           encode(previous, 'hex') AS previous,
           (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed_at,
           encode(hash, 'hex') AS hash
      FROM seal_block WHERE body = :body ORDER BY kind DESC, height
    """
)
# A sealed entry that is gone leaves an empty line, which is not what was sealed.
_ENTRIES = text(
    f"""
    SELECT string_agg(CASE WHEN e.id IS NULL THEN '' ELSE {entry_line()} END, E'\\n'
                      ORDER BY s.leaf_index) AS content,
           (SELECT k.leaves FROM entry_block k WHERE k.block_id = :block) AS leaves
      FROM entry_seal s
      LEFT JOIN LATERAL (SELECT * FROM entry k WHERE k.id = s.entry_id LIMIT 1) e ON true
      LEFT JOIN period p ON p.id = e.period_id
     WHERE s.block_id = :block
    """
)
_CONTROL = text(
    f"""
    SELECT string_agg(coalesce({CONTROL_LINE}, ''), E'\\n' ORDER BY a.leaf_index) AS content,
           string_agg(a.leaf, ''::bytea ORDER BY a.leaf_index) AS leaves
      FROM (SELECT a.*, s.leaf, s.leaf_index,
                   CASE WHEN s.salt IS NULL THEN s.commitment ELSE {COMMITMENT} END AS commitment
              FROM control_seal s LEFT JOIN audit_event a ON a.id = s.event_id
             WHERE s.block_id = :block) a
    """
)
_CONTENT = {"entries": _ENTRIES, "control": _CONTROL}
_UNSEALED = text(
    f"""
    SELECT {entry_line()} AS line FROM entry e JOIN period p ON p.id = e.period_id
     WHERE e.body = :body AND NOT EXISTS (SELECT 1 FROM entry_seal s WHERE s.entry_id = e.id)
     ORDER BY e.id
    """
)
# Lines as the sealer made them. Whatever the planner thinks, unsealed meet sealed once.
_SETTINGS = tuple(
    text(f"SET LOCAL {setting}") for setting in ("statement_timeout = 0", "datestyle = 'ISO'")
)
_HASH_JOINS = text("SET LOCAL enable_nestloop = off")
_COUNT = text("SELECT count(*) FROM entry WHERE body = :body")
_NOTES = text("SELECT note FROM seal_checkpoint WHERE body = :body ORDER BY kind, size")
_BALANCES = text(
    """
    SELECT a.id, a.code, coalesce(b.pence, 0)::bigint AS pence FROM account a
      LEFT JOIN (SELECT account_id, sum(amount) AS pence FROM posting WHERE NOT pending
                  GROUP BY 1) b ON b.account_id = a.id
     WHERE a.body = :body ORDER BY a.code
    """
)


def export_ledger(session: Session, body: str, folder: Path) -> int:
    """Write a body's whole ledger into a folder for the verifier; returns how many entries.

    It is one state of the database: the session must be at isolation level repeatable read.
    Refuses a folder that holds something.

    Raises:
        FileExistsError: there is something in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    for setting in _SETTINGS:
        session.execute(setting)
    blocks = session.execute(_BLOCKS, {"body": body}).all()
    lines = []
    for kind, statement in _CONTENT.items():
        with (
            (folder / f"{kind}.tsv").open("wb") as content,
            (folder / f"{kind}.leaves").open("wb") as leaves,
        ):
            for block in blocks:
                if block.kind == kind:
                    length = _write_block(session, statement, block.id, content, leaves)
                    lines.append("\t".join(str(value) for value in (*block[1:], length)))
    _write_rest(session, body, folder, lines)
    return int(session.execute(_COUNT, {"body": body}).scalar_one())


def write_verifier(path: Path) -> None:
    """Write the verifier as one file that any Python 3.11 runs, without us; always the same."""
    home = Path(verifier_package.__file__ or "").parent
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            _file("__main__.py"),
            "import sys\nfrom payments.ledger.verifier.commands import main\n"
            'if __name__ == "__main__":\n    sys.exit(main())\n',
        )
        for package in ("payments", "payments/ledger"):
            archive.writestr(_file(f"{package}/__init__.py"), "")
        for file in sorted(home.glob("*.py")):
            name = f"payments/ledger/verifier/{file.name}"
            archive.writestr(_file(name), file.read_bytes())


def _file(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    made.compress_type = zipfile.ZIP_DEFLATED
    made.create_system = 3  # Unix, wherever it is made
    return made


def _write_block(
    session: Session, statement: TextClause, block: int, content: BinaryIO, leaves: BinaryIO
) -> int:
    made = session.execute(statement, {"block": block}).one()
    if made.content is None:
        return 0
    leaves.write(made.leaves)
    return content.write(f"{made.content}\n".encode())


def _write_rest(session: Session, body: str, folder: Path, blocks: list[str]) -> None:
    values = {"body": body}
    (folder / "blocks.tsv").write_text("".join(f"{line}\n" for line in blocks))
    session.execute(_HASH_JOINS)
    with (folder / "unsealed.tsv").open("w") as file:
        for line in session.execute(_UNSEALED, values).scalars():
            file.write(f"{line}\n")
    balances = session.execute(_BALANCES, values)
    (folder / "balances.tsv").write_text(
        "".join(f"{row.id}\t{row.code}\t{row.pence}\n" for row in balances)
    )
    notes = list(session.execute(_NOTES, values).scalars())
    (folder / "checkpoints.json").write_text(json.dumps(notes, indent=1))
    manifest = {
        "format": "clachan-ledger-1",
        "body": body,
        "entries": session.execute(_COUNT, values).scalar_one(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))

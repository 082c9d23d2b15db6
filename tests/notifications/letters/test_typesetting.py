import io
from dataclasses import replace
from datetime import UTC, datetime

import pypdf
import pytest

from notifications.letters.rules import Letter
from notifications.letters.typesetting import typeset

LETTER = Letter(
    template="decision",
    language="en",
    title="You will get help with heating",
    sender_name="Strathclachan Council",
    recipient_name="Morag Fictional",
    recipient_address=("1 Invented Street", "Strathclachan", "ZZ1 1ZZ"),
    reference="SWH-7K3M-9QPX",
    paragraphs=("Dear Morag Fictional", "The money is on its way."),
    facts=(("Amount", "£250.00"), ("Account", "ending 0012")),
    written_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
)


def _read(letter: Letter) -> tuple[pypdf.PdfReader, str]:
    pdf = pypdf.PdfReader(io.BytesIO(typeset(letter)))
    return pdf, "\n".join(page.extract_text() for page in pdf.pages)


def test_a_letter_says_what_it_was_given() -> None:
    _, text = _read(LETTER)
    for words in (
        *("Strathclachan Council", "Morag Fictional", "1 Invented Street", "ZZ1 1ZZ"),
        *("22 November 2026", "SWH-7K3M-9QPX", "You will get help with heating"),
        *("The money is on its way.", "Amount", "£250.00", "ending 0012", "Page 1 / 1"),
    ):
        assert words in text


def test_a_letter_is_tagged_for_screen_readers() -> None:
    pdf, _ = _read(LETTER)
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en-GB"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata is not None
    assert pdf.metadata.title == LETTER.title
    assert pdf.metadata.author == "Strathclachan Council"
    kinds = _kinds(root["/StructTreeRoot"])
    assert {"/Table", "/TH", "/TD", "/P"} <= kinds
    assert kinds & {"/H1", "/Title"}
    assert b"pdfuaid:part" in root["/Metadata"].get_data()


def _kinds(node: object) -> set[str]:
    node = node.get_object() if isinstance(node, pypdf.generic.IndirectObject) else node
    if isinstance(node, list):
        return set().union(*map(_kinds, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = {str(node["/S"])} if "/S" in node else set()
    return own | (_kinds(node["/K"]) if "/K" in node else set())


def test_a_message_without_an_addressee_can_be_set() -> None:
    _, text = _read(replace(LETTER, recipient_name="", recipient_address=()))
    assert "The money is on its way." in text
    assert "1 Invented Street" not in text


def test_what_people_write_is_never_source() -> None:
    wild = '#panic() *bold* _it_ $x$ \\ "q" <tag> @ref [b] `raw` #include "/etc/passwd" // no'
    _, text = _read(
        replace(
            LETTER,
            title=wild,
            paragraphs=(wild,),
            facts=((wild, wild),),
            recipient_name=wild,
            recipient_address=(wild,),
            reference=wild,
            sender_name=wild,
        )
    )
    assert "".join(text.split()).count("".join(wild.split())) >= 5


def test_gaelic_letters_are_gaelic() -> None:
    pdf, text = _read(
        replace(LETTER, language="gd", paragraphs=("Tha an t-airgead air an rathad",))
    )
    assert pdf.trailer["/Root"]["/Lang"] == "gd-GB"
    assert "22 an t-Samhain 2026" in text
    assert "Iomradh" in text


def test_the_day_is_that_of_scotland() -> None:
    summer = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    _, text = _read(replace(LETTER, written_at=summer))
    assert "1 July 2026" in text


def test_the_same_letter_is_the_same_file() -> None:
    assert typeset(LETTER) == typeset(LETTER)


def test_a_long_letter_has_more_pages() -> None:
    pdf, text = _read(replace(LETTER, paragraphs=("Words. " * 200,) * 5))
    assert len(pdf.pages) > 1
    assert f"Page 2 / {len(pdf.pages)}" in text


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(KeyError):
        typeset(replace(LETTER, template="../../settings"))

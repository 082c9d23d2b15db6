"""Turns the text of an expression into tokens (CEL lexical rules, restricted)."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gateway.eligibility.expression.errors import ExpressionError

MAX_CHARACTERS = 2_000
INT64_MAX = 2**63 - 1

Sort: TypeAlias = Literal["int", "string", "name", "op", "end"]

# Words that CEL keeps for itself, and that would therefore not survive an export to CEL.
RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|//[^\n]*)
  | (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+)
  | (?P<int>\d+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<string>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
  | (?P<op>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression; `text` of a string is its value, without quotes."""

    sort: Sort
    text: str
    column: int


def tokenise(text: str) -> list[Token]:
    """Cut the text into tokens; refuses over-long texts, floats and unknown characters."""
    if len(text) > MAX_CHARACTERS:
        message = f"the expression is longer than {MAX_CHARACTERS} characters"
        raise ExpressionError(message, MAX_CHARACTERS + 1)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(_stray(text[position]), position + 1)
        column = position + 1
        position = match.end()
        if match.lastgroup != "space":
            tokens.append(_token(match.lastgroup or "", match.group(), column))
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _stray(character: str) -> str:
    if character in "\"'":
        return "this text has no closing quotation mark"
    return f"{character!r} has no meaning here"


def _token(group: str, text: str, column: int) -> Token:
    if group == "float":
        message = "numbers with a decimal point are not allowed: count in pence or whole units"
        raise ExpressionError(message, column)
    if group == "int":
        if len(text) > len(str(INT64_MAX)) or int(text) > INT64_MAX:
            raise ExpressionError("this number is too large", column)
        return Token("int", text, column)
    if group == "string":
        return Token("string", _unescape(text[1:-1], column), column)
    if group == "name":
        if text in RESERVED:
            raise ExpressionError(f"{text!r} is a reserved word", column)
        return Token("name", text, column)
    return Token("op", text, column)


def _unescape(body: str, column: int) -> str:
    def replace(match: re.Match[str]) -> str:
        code_point, short = match.groups()
        if code_point is not None:
            return chr(int(code_point, 16))
        if short not in _ESCAPES:
            message = f"\\{short} is not an escape that is known"
            raise ExpressionError(message, column + 1 + match.start())
        return _ESCAPES[short]

    return _ESCAPE.sub(replace, body)

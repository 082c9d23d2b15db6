"""A bank that answers by the first letters of the name."""

from payments.payees.provider import NameAnswer, NameQuestion


class NamesBank:
    """Good names match, close ones are close, all others do not match."""

    def verify(self, question: NameQuestion) -> NameAnswer:
        if question.name.startswith("Close"):
            return NameAnswer(matched=False, reason_code="MBAM", name="Held Name")
        return NameAnswer(matched=question.name.startswith("Good"), reason_code="ANNM")

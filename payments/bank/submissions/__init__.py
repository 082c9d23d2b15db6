"""Files of any size for the bank: begun in one transaction, written in shards, sealed, sent."""

from payments.bank.submissions.begin import begin_submission

__all__ = ["begin_submission"]

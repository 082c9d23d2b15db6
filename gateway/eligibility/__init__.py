"""Eligibility: rules as data, decided with three values, explained, asked for economically."""

from gateway.eligibility.answers import AnswerError
from gateway.eligibility.loader import load_rule_set
from gateway.eligibility.personas import PersonaFailure, run_personas
from gateway.eligibility.planner import next_question
from gateway.eligibility.reader import DefinitionError
from gateway.eligibility.rule_set import RuleSet
from gateway.eligibility.rules import CriterionResult, Result, evaluate

__all__ = [
    "AnswerError",
    "CriterionResult",
    "DefinitionError",
    "PersonaFailure",
    "Result",
    "RuleSet",
    "evaluate",
    "load_rule_set",
    "next_question",
    "run_personas",
]

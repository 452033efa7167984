"""What a design is expected to come to, as ``--expect`` says it: read with a caret under what is off, and checked.

``--where`` asks in the same words which of many designs are meant, ``--fail-if`` how far a design may be from another.
"""

from layercli.expect.check import check, met, value_of
from layercli.expect.read import ALIASES, FIGURES, Expectation, parse_expectation

__all__ = ["ALIASES", "FIGURES", "Expectation", "check", "met", "parse_expectation", "value_of"]

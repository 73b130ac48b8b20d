"""The rule language: one for filters, criteria, endpoints, mappings, prices, caps and alerts.

A rule is parsed when it is saved and evaluated, compiled, at run time:

    rule = conditions.parse({"all": [{"field": "state", "op": "in", "value": ["TX", "CA"]}]})
    verdict = rule.evaluate({"state": "NY"})
    verdict.failed.text      # "state is NY, not in TX, CA"

Missing values (no such key, None, blank text, an empty list) fail every operator except `blank`,
`is_not`, `not_in` and `not_contains`: a list of what is excluded says nothing against a lead that
does not name it. `valid` and `invalid` both fail where the field is missing. `not` turns any rule
round, missing values included. A component counts as valid as its field is, where it is there.
"""

from leadops.lib.conditions.errors import ConditionError
from leadops.lib.conditions.operators import OPERATORS, Takes
from leadops.lib.conditions.partial import ruled_out
from leadops.lib.conditions.rules import ALWAYS, Rule, parse
from leadops.lib.conditions.verdicts import Failure, Looked, Verdict

__all__ = [
    "ALWAYS",
    "OPERATORS",
    "ConditionError",
    "Failure",
    "Looked",
    "Rule",
    "Takes",
    "Verdict",
    "parse",
    "ruled_out",
]

"""Computes the alarms of infra/template.yaml on recorded metrics, as CloudWatch documents it.

Periods, M out of N data points and missing data: docs.aws.amazon.com/AmazonCloudWatch/latest/
monitoring/alarm-evaluation.html and alarms-and-missing-data.html. Metric math: using-metric-math
.html, of which only the operators and functions below are implemented. Percentiles:
Statistics-definitions.html; the nearest rank is taken, since the page names no interpolation.

AWS does not say how many data points beyond N an evaluation retrieves; the tables on that page
have two more, and so does this.
"""

import ast
import functools
import json
import math
import operator
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Iterable

# A namespace, a name, and the dimensions with the template's logical ids in place of names.
Metric = tuple[str, str, tuple[tuple[str, str], ...]]
# No data point.
MISSING = None

BEYOND = 2


def logical_id(value: Any) -> str:
    """What a dimension's value names: `!Ref X` and `!GetAtt X.Name` are X."""
    if isinstance(value, str):
        return value
    ((how, what),) = value.items()
    assert how in ("Ref", "Fn::GetAtt"), f"a dimension has {how}"
    return what if how == "Ref" else what[0]


def metric(namespace: str, name: str, dimensions: Iterable[dict[str, Any]]) -> Metric:
    return namespace, name, tuple(sorted((d["Name"], logical_id(d["Value"])) for d in dimensions))


class Recording:
    """Values of metrics, each with its second since the recording's beginning."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._values: dict[Metric, list[tuple[float, float]]] = defaultdict(list)

    def add(self, of: Metric, at: float, values: float | list[float]) -> None:
        """Several values at once are as many samples."""
        self._values[of] += [(at, float(value)) for value in (values if isinstance(values, list) else [values])]

    def metrics(self) -> set[Metric]:
        return set(self._values)

    def samples(self, of: Metric, period: int) -> dict[int, list[float]]:
        """By the number of the period, the samples in it."""
        found: dict[int, list[float]] = defaultdict(list)
        for at, value in self._values.get(of, []):
            found[int(at // period)].append(value)
        return found


# ---- Recorded files ----


def parse_metric(text: str) -> Metric:
    """`AWS/SQS ApproximateAgeOfOldestMessage QueueName=EventsQueue`"""
    namespace, name, *dimensions = text.split()
    return namespace, name, tuple(sorted(tuple(one.split("=", 1)) for one in dimensions))


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def play(recorded: dict[str, Any], into: Recording) -> Recording:
    """Adds a file's metrics. Each has `every` minutes the next of its `values`, which begin
    again at their end, from the minute `from` until `to`: a number, a list of samples, or null
    for no data."""
    for line in recorded["metrics"]:
        of, every, values = parse_metric(line["metric"]), line.get("every", 1), line["values"]
        begins, ends = line.get("from", recorded.get("from", 0)), line.get("to", recorded.get("to", into.seconds // 60))
        for number, minute in enumerate(range(begins, ends, every)):
            value = values[number % len(values)]
            if value is not MISSING:
                into.add(of, minute * 60, value)
    return into


def without(recording: Recording, names: list[str], begins: int, ends: int) -> Recording:
    """The same without these metrics between two minutes: a fault has other values there."""
    hidden = {parse_metric(name) for name in names}
    made = Recording(recording.seconds)
    for of, values in recording._values.items():
        made._values[of] = [(at, value) for at, value in values if of not in hidden or not begins * 60 <= at < ends * 60]
    return made


# ---- Statistics ----


def statistic(name: str, samples: list[float]) -> float | None:
    if not samples:
        return MISSING
    if name.startswith("p"):
        ordered = sorted(samples)
        return ordered[max(0, math.ceil(len(ordered) * float(name[1:]) / 100) - 1)]
    of: dict[str, Callable[[list[float]], float]] = {
        "Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": len, "Average": lambda s: sum(s) / len(s),
    }  # fmt: skip
    return float(of[name](samples))


# ---- Metric math, at one point in time ----

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
COMPARISONS = {ast.GtE: operator.ge, ast.Gt: operator.gt, ast.LtE: operator.le, ast.Lt: operator.lt}


@functools.cache
def parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


@functools.cache
def is_series(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) for part in ast.walk(node))


def compute(expression: str, values: dict[str, float | None]) -> float | None:
    """A missing value counts as 0 if another time series of the operation has one. A division
    by zero drops the data point."""

    def both(left: ast.expr, right: ast.expr, how: Callable[[float, float], Any]) -> float | None:
        a, b = of(left), of(right)
        series = [value for node, value in ((left, a), (right, b)) if is_series(node)]
        if series and all(value is MISSING for value in series):
            return MISSING
        try:
            return float(how(a or 0.0, b or 0.0))
        except ZeroDivisionError:
            return MISSING

    def of(node: ast.expr) -> float | None:
        match node:
            case ast.Constant():
                return float(node.value)
            case ast.Name():
                return values[node.id]
            case ast.BinOp():
                return both(node.left, node.right, ARITHMETIC[type(node.op)])
            case ast.Compare(ops=[how], comparators=[right]):
                return both(node.left, right, COMPARISONS[type(how)])
            case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
                chosen = of(condition)
                return MISSING if chosen is MISSING else of(yes if chosen else no)
            case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
                found = of(series)
                return of(filler) if found is MISSING else found
        raise NotImplementedError(f"metric math of {ast.unparse(node)}")

    return of(parsed(expression))


# ---- Alarms ----


class Alarm:
    """An alarm of the template, with its parameters filled in by `value`."""

    def __init__(self, properties: dict[str, Any], value: Callable[[Any], Any]) -> None:
        self.of = properties
        self._value = value
        stats = [m["MetricStat"] for m in properties.get("Metrics", []) if "MetricStat" in m]
        periods = {s["Period"] for s in stats} or {properties["Period"]}
        (self.period,) = periods
        self.evaluated = properties["EvaluationPeriods"]
        self.needed = properties.get("DatapointsToAlarm", self.evaluated)

    def metrics(self) -> list[Metric]:
        """The metrics that it reads."""
        if "Metrics" not in self.of:
            return [metric(self.of["Namespace"], self.of["MetricName"], self.of["Dimensions"])]
        found = [m["MetricStat"]["Metric"] for m in self.of["Metrics"] if "MetricStat" in m]
        return [metric(m["Namespace"], m["MetricName"], m["Dimensions"]) for m in found]

    def datapoints(self, recording: Recording) -> list[float | None]:
        """One for each period of the recording."""
        count = recording.seconds // self.period
        if "Metrics" not in self.of:
            stat = self.of.get("Statistic") or self.of["ExtendedStatistic"]
            samples = recording.samples(self.metrics()[0], self.period)
            return [statistic(stat, samples.get(n, [])) for n in range(count)]
        found: dict[str, list[float | None]] = {}
        expressions = {}
        for query in self.of["Metrics"]:
            if "Expression" in query:
                expressions[query["Id"]] = (self._value(query["Expression"]), query["ReturnData"])
                continue
            of = query["MetricStat"]["Metric"]
            samples = recording.samples(metric(of["Namespace"], of["MetricName"], of["Dimensions"]), self.period)
            found[query["Id"]] = [statistic(query["MetricStat"]["Stat"], samples.get(n, [])) for n in range(count)]
        # The expressions that others refer to first: the returned one is the last.
        for name, (text, _) in sorted(expressions.items(), key=lambda one: one[1][1]):
            found[name] = [compute(text, {key: values[n] for key, values in found.items()}) for n in range(count)]
        ((returned, _),) = [(name, text) for name, (text, returns) in expressions.items() if returns]
        return found[returned]

    def breaches(self, value: float) -> bool:
        compare = {
            "GreaterThanThreshold": operator.gt, "GreaterThanOrEqualToThreshold": operator.ge,
            "LessThanThreshold": operator.lt, "LessThanOrEqualToThreshold": operator.le,
        }[self.of["ComparisonOperator"]]  # fmt: skip
        return compare(value, float(self._value(self.of["Threshold"])))

    def is_on(self, retrieved: list[float | None]) -> bool:
        """By the most recent data points, the newest last."""
        existing = [value for value in retrieved[-(self.evaluated + BEYOND) :] if value is not MISSING]
        breaching = sum(self.breaches(value) for value in existing[-self.evaluated :])
        missing = max(0, self.evaluated - len(existing))
        treatment = self.of["TreatMissingData"]
        assert treatment in ("breaching", "notBreaching"), f"not implemented: {treatment}"
        return breaching + (missing if treatment == "breaching" else 0) >= self.needed

    def rings(self, recording: Recording) -> list[float]:
        """The minutes at which it is on: each the end of a period, from the first on that has
        enough periods before it."""
        points = self.datapoints(recording)
        first = self.evaluated + BEYOND
        return [n * self.period / 60 for n in range(first, len(points) + 1) if self.is_on(points[:n])]


def composite(rule: str, on: Callable[[str], bool]) -> bool:
    """A rule of ALARM("...") joined by OR; `on` gets the logical id in `${}`."""
    names = re.findall(r'ALARM\("\$\{(\w+)\}"\)', rule)
    assert " OR ".join(f'ALARM("${{{name}}}")' for name in names) == rule, f"not implemented: {rule}"
    return any(map(on, names))

"""The alarms and the dashboard of infra/template.yaml: their metrics exist, their descriptions
lead to the runbook, and each is on in its fault and off on a quiet day (tests/support/alarms.py
computes them)."""

import functools
import json
import re
import sys

import pytest
from policies import Deployed
from test_template import RESOURCES, ROOT, TEMPLATE, binary, functions, of_type, queues, target

sys.path.insert(0, str(ROOT / "tests"))

from support import alarms  # noqa: E402

RECORDED = ROOT / "tests" / "fixtures" / "metrics"
QUIET_DAY = alarms.load(RECORDED / "quiet_day.json")
FAULTS = alarms.load(RECORDED / "faults.json")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
METRICS_SOURCE = (ROOT / "functions/adapters/src/metrics.rs").read_text().split("#[cfg(test)]")[0]

# Not those that end a deployment: test_versions.py.
ALARMS = {name: alarm for name, alarm in of_type("AWS::CloudWatch::Alarm").items() if RESOURCES[name]["Condition"] == "HasAlarmTopic"}
# AWS has three free dashboards of up to 50 metrics each, to an account.
FREE_METRICS = 50
COMPOSITE = of_type("AWS::CloudWatch::CompositeAlarm")
DEPLOYED = Deployed(TEMPLATE, {"AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:calls"})

# What AWS documents: by namespace the page, its metrics, and their sets of dimensions.
DOCUMENTED = {
    "AWS/SQS": (
        "AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
        {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"},
        [{"QueueName"}],
    ),
    "AWS/Lambda": (
        "lambda/latest/dg/monitoring-metrics-types.html",
        {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
        [{"FunctionName"}],
    ),
    "AWS/ApiGateway": (
        "apigateway/latest/developerguide/http-api-metrics.html",
        {"4xx", "5xx", "Count", "Latency", "IntegrationLatency"},
        [{"ApiId"}, {"ApiId", "Stage"}],
    ),
    "AWS/DynamoDB": (
        "amazondynamodb/latest/developerguide/metrics-dimensions.html",
        {"ReadThrottleEvents", "WriteThrottleEvents"},
        [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
    ),
    "AWS/Scheduler": (
        "scheduler/latest/UserGuide/monitoring-cloudwatch.html",
        {"TargetErrorCount", "InvocationDroppedCount"},
        [{"ScheduleGroup"}],
    ),
}
OF_DIMENSION = {
    "QueueName": "AWS::SQS::Queue", "FunctionName": "AWS::Serverless::Function", "ApiId": "AWS::ApiGatewayV2::Api", "TableName": "AWS::DynamoDB::Table",
    "ScheduleGroup": "AWS::Scheduler::ScheduleGroup",
}  # fmt: skip


def alarm(name: str) -> alarms.Alarm:
    return alarms.Alarm(ALARMS[name], DEPLOYED.value)


def written() -> dict[str, str]:
    """The metrics that the functions write, with their units."""
    counters = dict.fromkeys(re.findall(r'Counter::new\("(\w+)"\)', METRICS_SOURCE), "Count")
    return counters | dict(re.findall(r'\("(\w+)", "(\w+)", ', METRICS_SOURCE))


def check(metric: alarms.Metric) -> None:
    namespace, name, dimensions = metric
    if namespace == "Postel":
        assert name in written() and dimensions == (("Stack", "AWS::StackName"),), metric
        return
    _, names, sets = DOCUMENTED[namespace]
    assert name in names and {key for key, _ in dimensions} in sets, metric
    for key, value in dimensions:
        if key in OF_DIMENSION:
            assert RESOURCES[value]["Type"] == OF_DIMENSION[key], metric
        else:
            assert value in [index["IndexName"] for table in of_type("AWS::DynamoDB::Table").values() for index in table.get("GlobalSecondaryIndexes", [])]


# ---- Names, reasons, conditions ----


@pytest.mark.parametrize("name", ALARMS)
def test_each_metric_of_an_alarm_exists(name):
    found = alarm(name).metrics()
    assert 1 <= len(found) <= 10, "CloudWatch takes ten metrics in an alarm"
    for metric in found:
        check(metric)


def test_a_metric_that_nobody_writes_is_noticed():
    for metric in [("Postel", "EventsLost", (("Stack", "AWS::StackName"),)), ("AWS/SQS", "Age", (("QueueName", "EventsQueue"),)), ("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "LogTable"),))]:
        with pytest.raises(AssertionError):
            check(metric)


def test_every_metric_that_the_functions_write_is_in_an_alarm_or_in_the_dashboard():
    seen = {metric[1] for name in ALARMS for metric in alarm(name).metrics()} | {metric[1] for metric in dashboard_metrics()}
    assert set(written()) - seen == set()


def anchors() -> set[str]:
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}


@pytest.mark.parametrize("name", [*ALARMS, *COMPOSITE])
def test_a_description_says_how_urgent_it_is_why_and_where_to_read_on(name):
    of = (ALARMS | COMPOSITE)[name]
    urgency, reason, anchor = re.fullmatch(r"(Urgent|Not urgent)\. (.+) See docs/runbook\.md#([\w-]+)", of["AlarmDescription"]).groups()
    assert of["AlarmName"] == {"Fn::Sub": f"${{AWS::StackName}}-{anchor}"}
    assert anchor in anchors(), f"docs/runbook.md has no entry {anchor}"
    sentences = re.split(r"(?<=\.) ", reason)
    assert len(sentences) <= 2 and all(len(one.split()) >= 5 and one.endswith(".") for one in sentences)
    assert len(of["AlarmDescription"]) <= 1024, "AWS takes no more"


def test_the_runbook_has_each_alarm_in_its_table_with_its_urgency():
    listed = dict(re.findall(r"^\| \[`([\w-]+)`\]\(#\1\) \| (yes|no) \|", RUNBOOK, re.MULTILINE))
    urgency = {one["AlarmName"]["Fn::Sub"].split("}-")[1]: one["AlarmDescription"].startswith("Urgent") for one in (ALARMS | COMPOSITE).values()}
    assert listed == {name: "yes" if urgent else "no" for name, urgent in urgency.items()}


@pytest.mark.parametrize("name", [*ALARMS, *COMPOSITE])
def test_the_runbook_says_where_to_look_whose_fault_it_is_and_when_it_is_over(name):
    name = (ALARMS | COMPOSITE)[name]["AlarmName"]["Fn::Sub"].split("}-")[1]
    entry = re.search(rf"^### {name}\n(.+?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)[1]
    assert len(re.findall(r"\bFirst look:", entry)) == 1 and len(re.findall(r"\bOver\s+when\b", entry)) == 1
    assert re.search(rf"^\| \[`{name}`\]\(#{name}\) \| (?:yes|no) \| [^|]+ \| [^|]+ \|$", RUNBOOK, re.MULTILINE), "the table says whose fault"


def test_without_a_topic_there_is_no_alarm_and_no_dashboard():
    assert TEMPLATE["Parameters"]["AlarmTopicArn"]["Default"] == ""
    watching = {name: r for name, r in RESOURCES.items() if r["Type"].startswith("AWS::CloudWatch::") and r["Condition"] != "DeploysGradually"}
    assert len(watching) == len(ALARMS) + len(COMPOSITE) + 1
    assert {r["Condition"] for r in watching.values()} == {"HasAlarmTopic"}
    for one in (ALARMS | COMPOSITE).values():
        assert one["AlarmActions"] == one["OKActions"] == [{"Ref": "AlarmTopicArn"}]


@pytest.mark.parametrize("name", ALARMS)
def test_missing_data_is_normal_for_all_but_the_sweeper(name):
    silent = alarm(name).metrics() == [("Postel", "OldestDueAge", (("Stack", "AWS::StackName"),))] and ALARMS[name]["ComparisonOperator"] == "LessThanThreshold"
    assert ALARMS[name]["TreatMissingData"] == ("breaching" if silent else "notBreaching")


def test_every_queue_and_every_function_is_watched():
    """A function behind the gateway by the API's 5xx, every other one by its own errors."""
    watched = {metric for name in ALARMS for metric in alarm(name).metrics()}
    ages = {dict(dimensions).get("QueueName") for _, metric, dimensions in watched if metric in ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")}
    assert set(queues()) <= ages
    errors = {dict(dimensions).get("FunctionName") for _, metric, dimensions in watched if metric == "Errors"}
    behind = {"PublishFunction", "ManageFunction", "AuthorizerFunction", "ConsoleFunction"}
    assert set(functions()) == errors | behind and not errors & behind
    called = {target(one["FunctionName"]) for one in of_type("AWS::Lambda::Permission").values()}
    assert behind == called and binary(RESOURCES["DispatcherFunction"]) == "dispatcher"


# ---- Dashboard ----


def widgets() -> list[dict]:
    body = DEPLOYED.value(of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"])
    return json.loads(body)["widgets"]


def dashboard_metrics() -> list[alarms.Metric]:
    """With the logical ids in place of names."""
    text = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    text = re.sub(r"\$\{([\w:]+)(\.\w+)?\}", r"\1", text)
    found = []
    for widget in json.loads(text)["widgets"]:
        for line in widget["properties"].get("metrics", []):
            names = [one for one in line if isinstance(one, str)]
            if names:
                pairs = zip(names[2::2], names[3::2], strict=True)
                found.append((names[0], names[1], tuple(sorted(pairs))))
    return found


def test_each_metric_of_the_dashboard_exists():
    found = dashboard_metrics()
    assert len(found) > 40
    for metric in found:
        check(metric)


def test_the_dashboard_shows_every_alarm_and_tables_of_receivers_and_of_faults():
    (shown,) = [w["properties"]["alarms"] for w in widgets() if w["type"] == "alarm"]
    names = {DEPLOYED.value(one["AlarmName"]) for one in (ALARMS | COMPOSITE).values()}
    assert {arn.split(":alarm:")[1] for arn in shown} == names
    queries = [w["properties"]["query"] for w in widgets() if w["type"] == "log"]
    assert len(queries) == 4
    groups = {name for query in queries for name in re.findall(r"SOURCE '([^']+)'", query)}
    assert groups <= {DEPLOYED.value(one["LogGroupName"]) for one in of_type("AWS::Logs::LogGroup").values()}
    # The lines that they look for, and their fields.
    source = (ROOT / "functions/adapters/src/telemetry.rs").read_text()
    for query in queries:
        assert all(f'"{message}"' in source for message in re.findall(r'message = "([\w.]+)"', query)), query
        fields = {"tenant_id", "webhook_id", "event_id", "verdict", "error", "status_code", "reason", "stage", "fault_kind"} & set(re.findall(r"\w+", query))
        assert fields and all(re.search(rf'\b{field}: |"{field}"', source) for field in fields), query


def test_the_widgets_do_not_overlap():
    taken = set()
    for w in widgets():
        cells = {(x, y) for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])}
        assert not cells & taken and w["x"] + w["width"] <= 24, w["properties"].get("title")
        taken |= cells


def lines_of(widget: dict) -> list[list]:
    return widget["properties"].get("metrics", [])


def test_the_dashboard_is_one_that_aws_gives_for_nothing():
    """It has no more than 50 metrics, in the strictest count: each line is one, although it is
    hidden, only a part of an expression, or another statistic of a metric that is there already.
    An expression computes with its widget's own lines, since SEARCH and the like fetch metrics of
    their own."""
    fetched = [line for widget in widgets() for line in lines_of(widget) if isinstance(line[0], str)]
    assert 40 < len(fetched) <= FREE_METRICS, f"{len(fetched)} metrics"
    computed = [(widget, line[0]["expression"]) for widget in widgets() for line in lines_of(widget) if isinstance(line[0], dict)]
    assert len(computed) == 1
    for widget, expression in computed:
        own = {line[-1]["id"] for line in lines_of(widget) if isinstance(line[-1], dict) and "id" in line[-1]}
        assert set(re.findall(r"[A-Za-z_]\w*", expression)) <= own, expression


def test_the_dashboard_answers_whether_it_is_well_and_whose_fault_it_is():
    """Whatever an alarm computes is on it, but for what says the same in other words."""
    shown = {(metric, dict(dimensions).get("FunctionName")) for _, metric, dimensions in dashboard_metrics()}
    watched = {(metric, dict(dimensions).get("FunctionName")) for name in ALARMS for _, metric, dimensions in alarm(name).metrics()}
    assert watched - shown == {("Invocations", "DispatcherFunction")}, "the share of errors needs them, and the deliveries tell"


def test_the_runbook_names_widgets_of_the_dashboard():
    """In italics, in full or up to a comma."""
    titles = {widget["properties"].get("title", "") for widget in widgets()}
    titles |= {title.split(",")[0] for title in titles}
    named = {" ".join(name.split()) for name in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", RUNBOOK)}
    assert len(named) >= 4 and named - titles == set()


def test_the_prices_count_the_alarms_and_the_dashboard():
    priced = {row["what"]: row["number"] for row in json.loads((ROOT / "tests" / "bench" / "prices.json").read_text())["alarms"]}
    metrics = sum(len(alarm(name).metrics()) for name in ALARMS)
    shown, page = len(dashboard_metrics()), (ROOT / "docs" / "costs.md").read_text()
    paid = len(of_type("AWS::CloudWatch::Dashboard")) if shown > FREE_METRICS else 0
    assert priced == {"metrics in alarms": metrics, "composite alarm": len(COMPOSITE), "dashboards that are not free": paid}
    assert f"this one has {shown}." in page and f"{metrics} metrics in {len(ALARMS)} alarms" in page
    monthly = sum(row["usd"] * row["number"] for row in json.loads((ROOT / "tests" / "bench" / "prices.json").read_text())["alarms"])
    assert f"for {monthly:.2f} USD a month" in TEMPLATE["Parameters"]["AlarmTopicArn"]["Description"]


# ---- The evaluation itself ----


def points(text: str) -> list[float | None]:
    return [{"0": 0.0, "X": 1.0, "-": None}[one] for one in text.split()]


@pytest.mark.parametrize(("needed", "retrieved", "breaching", "not_breaching"), [
    # The two tables of alarms-and-missing-data.html: 3 out of 3, and 2 out of 3.
    (3, "0 - X - X", False, False), (3, "0 - - - -", False, False), (3, "- - - - -", True, False), (3, "0 X X - X", True, True),
    (3, "- - - - X", True, False), (3, "X - - - -", True, False),
    (2, "0 - X - X", True, True), (2, "0 0 X 0 X", True, True), (2, "0 - X - -", True, False), (2, "- - - - 0", True, False), (2, "- - - - X", True, False),
    # Older data points than the most recent three do not count.
    (2, "X X 0 0 0", False, False),
])
def test_missing_data_is_evaluated_as_in_the_tables_of_aws(needed, retrieved, breaching, not_breaching):
    of = {
        "Namespace": "n", "MetricName": "m", "Dimensions": [], "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 3, "DatapointsToAlarm": needed,
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.5,
    }  # fmt: skip
    for treatment, expected in (("breaching", breaching), ("notBreaching", not_breaching)):
        assert alarms.Alarm(of | {"TreatMissingData": treatment}, lambda v: v).is_on(points(retrieved)) == expected, treatment


@pytest.mark.parametrize(("expression", "a", "b", "expected"), [
    ("a + b", 1, 2, 3), ("a + b", 1, None, 1), ("a + b", None, None, None), ("100 * a", None, 1, None), ("a / b", 1, None, None), ("a / b", None, 2, 0),
    ("IF(a >= 3, b, 0)", 3, 7, 7), ("IF(a >= 3, b, 0)", 2, 7, 0), ("IF(a >= 3, b, 0)", None, 7, None), ("FILL(a, 0)", None, 1, 0), ("FILL(a, 0)", 5, 1, 5),
    ("100 * (a / (a + b))", 1, 3, 25),
])
def test_metric_math_treats_missing_values_as_the_page_says(expression, a, b, expected):
    assert alarms.compute(expression, {"a": a, "b": b}) == expected


def test_a_statistic_is_that_of_all_samples_of_the_period():
    samples = [float(n) for n in range(1, 101)]
    assert [alarms.statistic(name, samples) for name in ("Sum", "Maximum", "Minimum", "Average", "SampleCount", "p99", "p50")] == [5050, 100, 1, 50.5, 100, 99, 50]
    assert alarms.statistic("Sum", []) is None


# ---- A quiet day, and each fault ----


@functools.cache
def quiet() -> alarms.Recording:
    return alarms.play(QUIET_DAY, alarms.Recording(QUIET_DAY["minutes"] * 60))


def with_fault(fault: dict) -> alarms.Recording:
    lines = [line["metric"] for line in fault["metrics"]]
    return alarms.play(fault, alarms.without(quiet(), lines, fault["from"], fault["to"]))


def ringing(recording: alarms.Recording) -> dict[str, list[float]]:
    """The minutes of each alarm that is on at some time."""
    found = {name: alarm(name).rings(recording) for name in ALARMS}
    minutes = sorted({m for of in found.values() for m in of})
    for name, of in COMPOSITE.items():
        found[name] = [m for m in minutes if alarms.composite(of["AlarmRule"]["Fn::Sub"].strip(), lambda one: m in found[one])]
    return {name: minutes for name, minutes in found.items() if minutes}


def test_no_alarm_is_on_on_a_quiet_day():
    assert ringing(quiet()) == {}


def test_the_quiet_day_has_values_of_nearly_every_metric_of_the_alarms():
    """A metric that it does not have proves nothing."""
    absent = {m for name in ALARMS for m in alarm(name).metrics()} - quiet().metrics()
    # They have no value unless something is wrong.
    assert {f"{namespace} {name}" for namespace, name, _ in absent} <= {
        "AWS/DynamoDB ReadThrottleEvents", "AWS/DynamoDB WriteThrottleEvents", "AWS/Scheduler TargetErrorCount", "AWS/Scheduler InvocationDroppedCount",
        "Postel DeadLettersUndeliverable", "Postel MessagesUnreadable", "Postel RowsUnreadable", "Postel KmsFaults",
    }


def test_every_alarm_has_a_recorded_fault():
    assert [fault["alarm"] for fault in FAULTS] == list(ALARMS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["alarm"])
def test_an_alarm_is_on_in_its_fault_and_off_before_and_after(fault):
    found = ringing(with_fault(fault))
    assert sorted(found) == fault["rings"], "which alarms this fault sets off"
    minutes = found[fault["alarm"]]
    assert min(minutes) > fault["from"]
    settled = fault["to"] + (alarm(fault["alarm"]).evaluated + alarms.BEYOND) * alarm(fault["alarm"]).period / 60
    assert max(minutes) <= settled, "it ends with the fault"
    urgent = ALARMS[fault["alarm"]]["AlarmDescription"].startswith("Urgent")
    within = min(minutes) - fault["from"]
    assert within <= (30 if urgent else 120), f"it takes {within:.0f} min"


# ---- The runbook's commands ----


def test_the_runbook_names_resources_functions_and_commands_that_exist():
    cli = (ROOT / "docs" / "cli.md").read_text()
    commands = "\n".join(code_of(RUNBOOK))
    for name in re.findall(r"\b(?:resource|depth|mapping|enable|limit) ([A-Z]\w+)", commands):
        assert name in RESOURCES, name
    known = {binary(RESOURCES[name]) for name in functions()}
    assert set(re.findall(r"\b(?:logs|faults|crashes) (\w+)", commands)) <= known | {"tail"}
    loops = re.findall(r"for (f|m|t) in ([\w ]+);", RUNBOOK)
    assert {variable for variable, _ in loops} == {"f", "m", "t"}
    for variable, names in loops:
        assert set(names.split()) <= (known if variable == "f" else set(RESOURCES)), names
    used = set(re.findall(r"(?<![\w/=-])postel ([a-z][\w-]*(?: [a-z][a-z-]+(?= |$))?)", commands, re.MULTILINE))
    assert len(used) > 10 and [one for one in used if f"postel {one}" not in cli] == []
    source = "".join(path.read_text() for path in (ROOT / "functions").glob("*/src/**/*.rs"))
    for message in re.findall(r'\$\.message = "([\w.]+)"', RUNBOOK):
        assert f'"{message}"' in source, message


def code_of(page: str) -> list[str]:
    """The commands of a page: its blocks, and what is in backticks."""
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))

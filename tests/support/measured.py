"""Metrics of a fault on the running stack: what the functions wrote, and what SQS and Lambda
report, with which an alarm of the template is computed (tests/support/alarms.py).

A fault lasts seconds here. What was measured is taken to repeat once in each of the alarm's
periods, and an age to go on growing by a second each second.
"""

import contextlib
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import Iterator

from support import alarms, logs, stack

sys.path[:0] = [str(stack.ROOT / "tests" / "template"), str(stack.ROOT / "infra" / "local")]

import template  # noqa: E402
from policies import Deployed  # noqa: E402

TEMPLATE = template.load(stack.ROOT / "infra" / "template.yaml")
DEPLOYED = Deployed(TEMPLATE)
ALARMS = {
    name: alarms.Alarm(resource["Properties"], DEPLOYED.value) for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Condition"] == "HasAlarmTopic"
}
OF_STACK = (("Stack", "AWS::StackName"),)
Measured = dict[alarms.Metric, list[float]]


# ---- Measuring ----


def written(since: float) -> Measured:
    """The values that the functions wrote, by metric."""
    found: Measured = defaultdict(list)
    for line in (record for group in logs.groups() for record in logs.records(group, since) if "_aws" in record):
        # A line that is older than the fault may be of the same second.
        if line["_aws"]["Timestamp"] >= since * 1000:
            for declared in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                value = line[declared["Name"]]
                found["Postel", declared["Name"], OF_STACK] += value if isinstance(value, list) else [value]
    return found


def of_lambda(function: str, since: float) -> Measured:
    """What Lambda counts of a function, by its logical id. The sum of all durations is that of the
    one invocation, where a test makes one."""
    found: Measured = {}
    for name in ("Invocations", "Errors", "Throttles", "Duration"):
        answer = stack.aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=name, Dimensions=[{"Name": "FunctionName", "Value": stack.resource(function)}],
            StartTime=datetime.fromtimestamp(since, timezone.utc), EndTime=datetime.now(timezone.utc) + timedelta(minutes=1), Period=60, Statistics=["Sum"],
        )  # fmt: skip
        found["AWS/Lambda", name, (("FunctionName", function),)] = [sum(point["Sum"] for point in answer["Datapoints"])]
    return found


def of_queue(queue: str) -> Measured:
    depth = stack.aws("sqs").get_queue_attributes(QueueUrl=stack.resource(queue), AttributeNames=["All"])["Attributes"]
    of = (("QueueName", queue),)
    return {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", of): [float(depth["ApproximateNumberOfMessages"])],
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", of): [float(depth["ApproximateNumberOfMessagesNotVisible"])],
    }


def oldest(queue: str) -> float:
    """When a queue's oldest message was sent: MiniStack does not report its age. Once per
    message, since each call counts as a receive."""
    stack.eventually(lambda: stack.queue_depth(queue)["waiting"] > 0, 30, f"a message in {queue}")
    answer = stack.aws("sqs").receive_message(QueueUrl=stack.resource(queue), MaxNumberOfMessages=10, VisibilityTimeout=0, AttributeNames=["SentTimestamp"])
    return min(int(message["Attributes"]["SentTimestamp"]) for message in answer["Messages"]) / 1000


def alarm_of(name: str, **parameters: str) -> alarms.Alarm:
    """An alarm of a stack with these parameters."""
    return alarms.Alarm(TEMPLATE["Resources"][name]["Properties"], Deployed(TEMPLATE, parameters).value)


def is_on(name: str, measured: Measured, growing: Measured | None = None, **parameters: str) -> bool:
    """Whether an alarm is on at the end of as many periods as it looks at, or after an hour in
    which an age grows."""
    alarm = alarm_of(name, **parameters) if parameters else ALARMS[name]
    periods = max(alarm.evaluated + alarms.BEYOND, 3600 // alarm.period if growing else 0)
    recording = alarms.Recording(periods * alarm.period)
    for number in range(periods):
        for metric, values in measured.items():
            recording.add(metric, number * alarm.period, values)
        for metric, (age, *_) in (growing or {}).items():
            recording.add(metric, number * alarm.period, age + number * alarm.period)
    return alarm.is_on(alarm.datapoints(recording))


def all_off_but(*expected: str, measured: Measured) -> None:
    on = {name for name, alarm in ALARMS.items() if set(alarm.metrics()) & measured.keys() and is_on(name, measured)}
    assert on == set(expected)


@contextlib.contextmanager
def measured() -> Iterator[Measured]:
    """Fills the metrics that were written meanwhile."""
    found: Measured = {}
    since = time.time()
    yield found
    found |= written(since)


def value(of: Measured, name: str) -> list[float]:
    return of.get(("Postel", name, OF_STACK), [])

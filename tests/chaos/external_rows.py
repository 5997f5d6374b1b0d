"""Rows whose checks are elsewhere: the simulator and the model in Rust, hostile input among the
end-to-end tests."""

from scorecard import Row, command

HISTORIES = "100000"
CARGO = ["cargo", "test", "--package"]

ROWS: list[Row] = [
    command(
        "2",
        "histories with everything going wrong that can, and every place of every flow struck",
        [*CARGO, "simulator", "--profile", "simulation", "--", "--nocapture"],
        POSTEL_HISTORIES=HISTORIES,
    ),
    command("12", "the protocol's every state, and what each guard is for", [*CARGO, "model", "--", "--nocapture", "--include-ignored"]),
    command("6-11", "hostile messages, batches, answers, receivers, callers and payloads", ["tests/gate.sh", "hostile"]),
]

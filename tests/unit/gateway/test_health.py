"""The figures for Prometheus."""

from prometheus_client import generate_latest

from exponential.gateway.health import Figures


def test_figures_have_their_names_labels_and_all_their_digits() -> None:
    figures = Figures()
    figures.counter("messages_in", "Messages.", 7)
    figures.gauge("bytes", "Size.", 123_456_789)
    figures.gauges("ages", "Ages.", "of", [("a", 0.25), ("b", 1_234_567.5)])
    told = dict(line.rsplit(" ", 1) for line in generate_latest(figures).decode().splitlines() if line[0] != "#")
    assert {name.removeprefix("exponential_gateway_"): float(value) for name, value in told.items()} == {
        "messages_in_total": 7,
        "bytes": 123_456_789,
        'ages{of="a"}': 0.25,
        'ages{of="b"}': 1_234_567.5,
    }

"""The figures for Prometheus."""

from exponential.gateway.health import Metric


def test_large_figures_keep_their_digits() -> None:
    metric = Metric("bytes", "gauge", "Size.", [("", 123_456_789), ('{a="b"}', 0.25), ("{}", 1_234_567.5)])
    assert str(metric).splitlines()[2:] == ["bytes 123456789", 'bytes{a="b"} 0.25', "bytes{} 1234567.5"]

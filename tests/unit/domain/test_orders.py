import pytest

from council.domain import orders


@pytest.mark.parametrize(
    "order",
    [
        orders.Order(orders.LIVE, "a" * 40),
        orders.Order(orders.ALONE),
        orders.Order(orders.LEAVE),
        orders.Order(orders.AWAY, service="model", away_s=130),
        orders.Order(orders.AWAY, service="model"),
    ],
)
def test_an_order_is_read_as_it_was_given(order: orders.Order) -> None:
    assert order.line.endswith(b"\n")
    assert orders.read(order.line.rstrip(b"\n")) == order


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"live",
        b"live a b",
        b"leave now",
        b"away model",
        b"away model -1",
        b"away model 1e9",
        b"away model " + b"9" * 5000,
        b"dance",
        b"\xff",
    ],
)
def test_what_a_later_supervisor_might_say_is_left_alone(line: bytes) -> None:
    assert orders.read(line) is None

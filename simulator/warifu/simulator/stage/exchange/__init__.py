"""One exchange, drawn: `/exchange/REQUEST_ID`, step by step, and the same as JSON."""

from warifu.simulator.stage.exchange.views import ExchangeViews

__all__ = ["ExchangeViews"]

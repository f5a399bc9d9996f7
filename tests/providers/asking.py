"""Stands in for the wire: hands a flow one answer."""

import httpx

from studio.providers.contract import Flow, Report


def opening(flow: Flow) -> httpx.Request:
    """The request with which a flow begins."""
    return next(flow)


def told(flow: Flow, answer: httpx.Response) -> Report:
    """What a flow makes of one answer. Raises the flow's ProviderError."""
    next(flow)
    try:
        flow.send(answer)
    except StopIteration as end:
        report: Report = end.value
        return report
    raise AssertionError("the flow asked a second time")

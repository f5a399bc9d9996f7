"""Stands in for the wire: hands a flow one answer."""

from collections.abc import Generator
from typing import Any, TypeVar

import httpx

Told = TypeVar("Told")


def opening(flow: Generator[httpx.Request, httpx.Response, Any]) -> httpx.Request:
    """The request with which a flow begins."""
    return next(flow)


def told(flow: Generator[httpx.Request, httpx.Response, Told], answer: httpx.Response) -> Told:
    """What a flow makes of one answer. Raises the flow's ProviderError."""
    next(flow)
    try:
        flow.send(answer)
    except StopIteration as end:
        result: Told = end.value
        return result
    raise AssertionError("the flow asked a second time")

"""What is left of our balance at a provider, where the provider tells it. Free; asked when an admin asks, and kept with the moment of the answer."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from studio.providers.contract import Balance, ProviderError, TellsBalance
from studio.providers.registry import PROVIDERS, make
from studio.providers.wire import Patience, Wire
from studio.routing.checking import PATIENCE, Verdict, entry
from studio.routing.models import Connection

LENGTH = 60  # characters that a connection keeps of it


@dataclass(frozen=True, slots=True)
class Told:
    """What came of asking: the balance as it is kept ("12.40 USD"), empty where none was told, and a sentence that never holds a key."""

    balance: str
    words: str


def is_told(connection: Connection) -> bool:
    """Whether this connection's provider tells what is left."""
    known = PROVIDERS.get(connection.provider)
    if known is None or connection.dialect not in known.dialects:
        return False
    return isinstance(make(connection.provider, "", connection.address, connection.dialect), TellsBalance)


def ask(connection: Connection, *, allowed_hosts: Collection[str], patience: Patience = PATIENCE) -> Told:
    """Ask, within `patience`, and keep the answer on the connection. Never raises for what a provider, a network or a key can be."""
    provider = entry(connection)
    if isinstance(provider, Verdict):
        return Told("", provider.words)
    if not isinstance(provider, TellsBalance):
        return Told("", f"{PROVIDERS[connection.provider].name} does not tell what is left there.")
    try:
        left = asyncio.run(_ask(provider, allowed_hosts, patience))
    except ProviderError as error:
        return Told("", str(error))
    connection.balance, connection.balance_at = f"{left.amount} {left.unit}".strip()[:LENGTH], timezone.now()
    connection.save(update_fields=["balance", "balance_at"])
    return Told(connection.balance, f"{connection.balance} left.")


async def _ask(provider: TellsBalance, allowed_hosts: Collection[str], patience: Patience) -> Balance:
    async with Wire(allowed_hosts=allowed_hosts, looking=patience) as wire:
        return await wire.balance(provider)

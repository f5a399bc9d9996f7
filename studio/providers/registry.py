"""The providers there are, by the key that a connection carries. A new provider adds its file and one line here."""

from dataclasses import dataclass

from studio.providers import acedata, comet, grokimagine, ttapi, xai
from studio.providers.contract import Capability, Dialect, Lists, Provider, StoresFiles


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One kind of API. `name` is shown to people, `key_hint` says where a key is found.

    `dialects` holds the ways to speak with it by their keys, the newest documents' ("") first; `capabilities` and `usage_unit` are that one's.
    """

    key: str
    name: str
    base_url: str
    key_hint: str
    dialects: dict[str, Dialect]
    keeps_hours: float | None = None  # how long it keeps what it made; None where no document says so

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """Every model that the newest documents name."""
        return self.dialects[""].capabilities

    @property
    def usage_unit(self) -> str:
        """The unit of the usage that the newest documents report; "" where they report none."""
        return self.dialects[""].usage_unit


def _kind(key: str, name: str, base_url: str, key_hint: str, *dialects: Dialect, keeps_hours: float | None = None) -> ProviderKind:
    return ProviderKind(key, name, base_url, key_hint, {dialect.key: dialect for dialect in dialects}, keeps_hours)


PROVIDERS: dict[str, ProviderKind] = {
    kind.key: kind
    for kind in (
        _kind("ttapi", ttapi.NAME, ttapi.BASE_URL, ttapi.KEY_HINT, *ttapi.DIALECTS),
        _kind("grokimagine", grokimagine.NAME, grokimagine.BASE_URL, grokimagine.KEY_HINT, *grokimagine.DIALECTS),
        _kind("acedata", acedata.NAME, acedata.BASE_URL, acedata.KEY_HINT, *acedata.DIALECTS),
        _kind("comet", comet.NAME, comet.BASE_URL, comet.KEY_HINT, *comet.DIALECTS, keeps_hours=comet.KEEPS_HOURS),
        _kind("xai", xai.NAME, xai.BASE_URL, xai.KEY_HINT, *xai.DIALECTS, keeps_hours=xai.KEEPS_HOURS),
    )
}


def make(kind: str, api_key: str, base_url: str = "", dialect: str = "") -> Provider:
    """An access to the provider of that key; an empty `base_url` means its own address. Raises KeyError for a kind or dialect that does not exist."""
    found = PROVIDERS[kind]
    return found.dialects[dialect].access(key=api_key, base_url=base_url.rstrip("/") or found.base_url)


def capabilities_of(kind: str, dialect: str = "") -> tuple[Capability, ...]:
    """Every model of that provider in that dialect, the default first. Raises KeyError as `make`."""
    return PROVIDERS[kind].dialects[dialect].capabilities


def usage_unit_of(kind: str, dialect: str = "") -> str:
    """The unit of the usage that the provider reports in that dialect; "" where it reports none. Raises KeyError as `make`."""
    return PROVIDERS[kind].dialects[dialect].usage_unit


def capability(kind: str, model: str = "", dialect: str = "") -> Capability | None:
    """What that model of that provider can do; its first model for an empty name, None for a model it does not have. Raises KeyError as `make`."""
    models = capabilities_of(kind, dialect)
    return next((can for can in models if can.model == model), None if model else models[0])


def stores_files(kind: str) -> bool:
    """Whether that provider can keep copies of what it makes under names of ours; False for one that does not exist."""
    return kind in PROVIDERS and isinstance(make(kind, ""), StoresFiles)


def lists_orders(kind: str, dialect: str = "") -> bool:
    """Whether that provider, in that dialect, has a list in which a lost submission is found again; False for one that does not exist."""
    known = PROVIDERS.get(kind)
    return known is not None and dialect in known.dialects and isinstance(make(kind, "", dialect=dialect), Lists)

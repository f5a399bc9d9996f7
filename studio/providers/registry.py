"""The providers there are, by the key that a connection carries. A new provider adds its file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass

from studio.providers import acedata, comet, grokimagine, ttapi, xai
from studio.providers.contract import Capability, Provider


@dataclass(frozen=True, slots=True)
class ProviderKind:
    """One kind of API. `name` is shown to people, `key_hint` says where a key is found; `usage_unit` is "" where the API reports no usage."""

    key: str
    name: str
    access: Callable[..., Provider]
    base_url: str
    capabilities: tuple[Capability, ...]
    usage_unit: str
    key_hint: str


PROVIDERS: dict[str, ProviderKind] = {
    kind.key: kind
    for kind in (
        ProviderKind("ttapi", ttapi.NAME, ttapi.TTAPI, ttapi.BASE_URL, ttapi.CAPABILITIES, ttapi.USAGE_UNIT, ttapi.KEY_HINT),
        ProviderKind(
            "grokimagine",
            grokimagine.NAME,
            grokimagine.GrokImagine,
            grokimagine.BASE_URL,
            grokimagine.CAPABILITIES,
            grokimagine.USAGE_UNIT,
            grokimagine.KEY_HINT,
        ),
        ProviderKind("acedata", acedata.NAME, acedata.AceData, acedata.BASE_URL, acedata.CAPABILITIES, acedata.USAGE_UNIT, acedata.KEY_HINT),
        ProviderKind("comet", comet.NAME, comet.Comet, comet.BASE_URL, comet.CAPABILITIES, comet.USAGE_UNIT, comet.KEY_HINT),
        ProviderKind("xai", xai.NAME, xai.XAI, xai.BASE_URL, xai.CAPABILITIES, xai.USAGE_UNIT, xai.KEY_HINT),
    )
}


def make(kind: str, api_key: str, base_url: str = "") -> Provider:
    """An access to the provider of that key; an empty `base_url` means its own address. Raises KeyError for a kind that does not exist."""
    found = PROVIDERS[kind]
    return found.access(key=api_key, base_url=base_url.rstrip("/") or found.base_url)


def capability(kind: str, model: str = "") -> Capability | None:
    """What that model of that provider can do; its first model for an empty name, None for a model it does not have. Raises KeyError as `make`."""
    models = PROVIDERS[kind].capabilities
    return next((can for can in models if can.model == model), None if model else models[0])

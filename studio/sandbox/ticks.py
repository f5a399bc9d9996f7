"""What a clip costs in xAI's unit, by the price list of docs.x.ai (November 2026). One US dollar is 10,000,000,000 ticks; CometAPI passes the figure on."""

USD = 10_000_000_000
PER_SECOND = {  # ticks
    "grok-imagine-video": {"480p": 500_000_000, "720p": 700_000_000},
    "grok-imagine-video-1.5": {"480p": 800_000_000, "720p": 1_400_000_000, "1080p": 2_500_000_000},
    "grok-imagine-video-1.5-lite": {"480p": 200_000_000, "720p": 300_000_000, "1080p": 1_400_000_000},
}
PER_IMAGE = {"grok-imagine-video": 20_000_000, "grok-imagine-video-1.5": 100_000_000, "grok-imagine-video-1.5-lite": 100_000_000}
PER_INPUT_SECOND = 100_000_000  # of a clip that is edited or extended
ALIASES = {"grok-imagine-video-1.5-preview": "grok-imagine-video-1.5", "grok-imagine-video-1.5-2026-05-30": "grok-imagine-video-1.5"}


def resolved(model: str) -> str:
    """The model behind an alias."""
    return ALIASES.get(model, model)


def cost(model: str, resolution: str, *, seconds: int, images: int = 0, source_seconds: int = 0) -> int:
    """Ticks for `seconds` of new picture made from so many images, or from a clip of so many seconds."""
    name = resolved(model)
    return PER_SECOND[name][resolution] * seconds + PER_IMAGE.get(name, 0) * images + PER_INPUT_SECOND * source_seconds

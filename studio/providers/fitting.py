"""Whether a model can do a brief, and why not, in sentences for people. Pure: knows what a `Capability` says and no provider."""

from studio.providers.contract import Brief, Capability, Operation

SLACK = 0.05  # seconds by which a clip may miss the length that it was ordered at: a frame, of which there are at least 24 in a second


def why_not(can: Capability, brief: Brief) -> dict[str, str]:
    """Every reason why this model cannot do this brief, by the brief's field; empty when it can."""
    sentences = {
        "prompt": _prompt_trouble(can, brief),
        **(_of_a_new_clip(can, brief) if brief.operation is Operation.GENERATE else _of_a_clip_to_change(can, brief)),
        "sound": _sound_trouble(can, brief),
    }
    return {field: sentence for field, sentence in sentences.items() if sentence}


def takes_clip(can: Capability, operation: Operation, seconds: float) -> bool:
    """Whether this model edits or extends a clip of this length.

    Between clips of 2 and 15 s that are extended, as docs.x.ai says (POST /v1/videos/extensions; xAI's SDK says 30), are those that the same provider made
    when it was asked for 15 s, with one frame more: their files have 15.04 s. The limit of an edit, 8.7 s, is no length that
    anybody orders, and holds as it stands.
    """
    if operation is Operation.EDIT:
        return can.edits_up_to is not None and seconds <= can.edits_up_to
    shortest, longest = can.extends_from
    return can.extends is not None and shortest - SLACK <= seconds <= longest + SLACK


def _of_a_new_clip(can: Capability, brief: Brief) -> dict[str, str]:
    """What stands in the way of a new clip, by field."""
    return {
        "aspect_ratio": _choice_trouble(f"{can.label} makes", can.aspect_ratios, brief.aspect_ratio, "an unnamed ratio"),
        "duration": _duration_trouble(can, brief),
        "resolution": _resolution_trouble(can, brief),
        "mode": _choice_trouble(f"{can.label} knows the modes", can.modes, brief.mode, "an empty one"),
        "images": _images_trouble(can, brief),
    }


def _of_a_clip_to_change(can: Capability, brief: Brief) -> dict[str, str]:
    """What stands in the way of an edit or an extension, by field. The shape of the result follows the clip, so it is not asked about."""
    edits = brief.operation is Operation.EDIT
    if can.edits_up_to is None if edits else can.extends is None:
        return {"operation": f"{can.label} does not {'edit' if edits else 'extend'} clips."}
    return {
        "video": _video_trouble(can, brief),
        "duration": "" if edits else _added_trouble(can, brief),
        "images": f"{can.label} takes no reference images when it {'edits' if edits else 'extends'} a clip." if brief.images else "",
    }


def _prompt_trouble(can: Capability, brief: Brief) -> str:
    if can.prompt_limit is None or len(brief.prompt) <= can.prompt_limit:
        return ""
    return f"{can.label} takes at most {can.prompt_limit:,} characters; this has {len(brief.prompt):,}."


def _choice_trouble(makes: str, choices: tuple[str, ...], chosen: str, nothing: str) -> str:
    """The sentence for a choice that is not among those there are; a model without choices has nothing to say about it."""
    return f"{makes} {_listed(choices)}, not {chosen or nothing}." if choices and chosen not in choices else ""


def _resolution_trouble(can: Capability, brief: Brief) -> str:
    trouble = _choice_trouble(f"{can.label} makes", can.resolutions, brief.resolution, "an unnamed resolution")
    offered = resolutions_for(can, brief)
    return trouble or (
        ""
        if not offered or brief.resolution in offered
        else f"{can.label} makes {_listed(offered)} from several reference images, not {brief.resolution}."
    )


def resolutions_for(can: Capability, brief: Brief) -> tuple[str, ...]:
    """The resolutions that this model makes from as many images as the brief has; empty where it has no such option."""
    return (can.resolutions_with_references if len(brief.images) > 1 else ()) or can.resolutions


def _duration_trouble(can: Capability, brief: Brief) -> str:
    given, longest = brief.duration or 0, can.longest_with_references
    if can.durations and not can.durations[0] <= given <= can.durations[1]:
        return f"{can.label} makes {can.durations[0]} to {can.durations[1]} s, not {given} s."
    if longest and len(brief.images) > 1 and given > longest:
        return f"{can.label} makes at most {longest} s from several reference images, not {given} s."
    return ""


def _added_trouble(can: Capability, brief: Brief) -> str:
    (shortest, longest), given = can.extends or (0, 0), brief.duration or 0
    return "" if shortest <= given <= longest else f"{can.label} adds {shortest} to {longest} s, not {given} s."


def _video_trouble(can: Capability, brief: Brief) -> str:
    """The sentence about the clip to change: there must be one, of a length that is taken, in a place from which it can be had."""
    edits = brief.operation is Operation.EDIT
    shortest, longest = (0.0, can.edits_up_to or 0.0) if edits else can.extends_from
    takes = f"up to {longest:g} s" if edits else f"of {shortest:g} to {longest:g} s"
    if not brief.video:
        return f"{can.label} needs a clip to {'edit' if edits else 'extend'}."
    if not takes_clip(can, brief.operation, brief.video_seconds):
        return f"{can.label} {'edits' if edits else 'extends'} clips {takes}; this one has {brief.video_seconds:g} s."
    if brief.video.startswith("data:") and not can.video_data_urls:
        return f"{can.label} fetches the clip itself, and this installation has no public address to fetch it from."
    return ""


def _sound_trouble(can: Capability, brief: Brief) -> str:
    if brief.sound is not False:
        return ""
    if not can.sound:
        return f"{can.label} cannot be asked for a clip without sound."
    return "" if brief.operation is Operation.GENERATE else f"{can.label} can be asked for silence in new clips only."


def _images_trouble(can: Capability, brief: Brief) -> str:
    fewest, most = can.images
    if not fewest <= len(brief.images) <= most:
        return _images_wanted(can, len(brief.images))
    if not can.data_urls and any(image.startswith("data:") for image in brief.images):
        return f"{can.label} fetches reference images itself, and this installation has no public address to fetch them from."
    return ""


def _images_wanted(can: Capability, given: int) -> str:
    """The sentence that says how many reference images a model takes."""
    fewest, most = can.images
    if most == 0:
        return f"{can.label} takes no reference images; this has {given}."
    if fewest == most:
        return f"{can.label} needs exactly {fewest} reference image{'s' if fewest > 1 else ''}; this has {given}."
    if given < fewest:
        return f"{can.label} needs at least {fewest} reference image{'s' if fewest > 1 else ''}; this has {given}."
    return f"{can.label} takes at most {most} reference image{'s' if most > 1 else ''}; this has {given}."


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

"""Why something failed, as far as a provider's own words tell. Resellers pass on the words of whom they buy from, so all providers share this.

A provider that only mentions its filter did not refuse anything: a filter that is down, or that passed the prompt, must never become a final refusal.
Text within quotation marks is not read: it is somebody's prompt.
"""

import re

from studio.providers.contract import Cause

QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|‘[^’]*’|(?<!\w)'[^']*'(?!\w)|`[^`]*`")
NEAR = r"[^.!?;]{0,60}?"  # the same sentence

FILTER = (
    r"(?:moderation|safety (?:system|filter|check|review|polic(?:y|ies))|usage (?:polic(?:y|ies)|guidelines)"
    r"|content (?:polic(?:y|ies)|filter|guidelines|safety|review))"
)
DOWN = (
    r"(?:timed ?-?out|time-?out|unavailable|unreachable|overloaded|outage|crash\w*|is down|no response|(?:http|status|code|error):? ?5\d\d"
    r"|not (?:currently |yet )?(?:available|reachable|respond\w*)|(?:internal|server|service|network|connection|upstream|unknown|unexpected) error"
    r"|could not be (?:reached|completed|run|loaded|contacted|checked|performed)|(?:fail\w*|unable) to (?:respond|load|start|run|complete|connect))"
)
# After "rejected by moderation" these are good advice; else they say that it did not work.
LATER = r"(?:temporar\w+|(?:try(?:ing)? again|retry) (?:later|shortly|soon|in a)|busy)"
VERDICT = (
    r"(?:reject\w*|block\w*|refus\w*|flag\w*|declin\w*|violat\w*|den(?:y|ied|ies)|prohibit\w*|breach\w*|forbid\w*|disallow\w*|caught"
    r"|not (?:be(?:en)? )?(?:pass\w*|allow\w*|comply|meet)|fail(?:s|ed)?|stopped|restricted|against|filtered)"
)
FILTER_DOWN = re.compile(
    rf"{FILTER}{NEAR}\b{DOWN}"
    rf"|\b(?:timed ?-?out|time-?out|error|exception|failure|failed)\b (?:while|when|during|in|at|from|of|calling|contacting|waiting){NEAR}{FILTER}"
    rf"|\b(?:could not|cannot|can't|unable to|failed to) (?:reach|contact|call|run|load|perform|complete|start|finish){NEAR}{FILTER}"
)
PERHAPS_DOWN = re.compile(rf"{FILTER}{NEAR}\b{LATER}")
REFUSED_BY = re.compile(rf"\b(?:reject|block|refus|flag|declin|den(?:y|i)|prohibit|stopp)\w* (?:by|due to|because of) {NEAR}{FILTER}")
NOT_REFUSED = re.compile(
    rf"(?<!not )(?<!not been )\b(?:passed|cleared|approved by|accepted by){NEAR}{FILTER}"
    rf"|{FILTER}(?: check| review| service)?:? (?:has |was |is )?(?:passed|approved|cleared|ok\b|succeeded|complete|pending|in progress|queued)"
    rf"|\b(?:not|never|n't) (?:been )?(?:rejected|blocked|flagged|refused){NEAR}{FILTER}"
    rf"|\b(?:awaiting|waiting for|pending|queued for|under) (?:\w+ )?{FILTER}"
)
REFUSED = re.compile(
    rf"inappropriate content|prompt violation|banned words?|content polic(?:y|ies) violation|content moderation"
    rf"|\b{VERDICT}\b{NEAR}{FILTER}|{FILTER}{NEAR}\b{VERDICT}\b"
    r"|\b(?:video|image|prompt|content|result|output|request)s? (?:was |were |is |has been |got )?moderated\b"
)

ACCOUNT = r"(?:team|plan|account|organi[sz]ation|tier|subscription|workspace|group|(?:api )?(?:key|token))"
WAIT = re.compile(
    r"too many (?:requests|concurrent)|rate limit\w* (?:is |was |has been )?(?:exceeded|reached|hit)|requests per (?:second|minute)"
    r"|\bconcurren\w+ (?:\w+ ){0,3}(?:limit|exceeded|reached|allowed)|\ballows? (?:only |up to )?\d+ concurrent"
)
USED_UP = re.compile(
    r"used all available credits|spending limit|insufficient (?:\w+ )?(?:balance|credits?|quota|funds)"
    r"|(?:balance|quota|credits?|funds) (?:is|are) (?:not (?:enough|sufficient)|insufficient|used up|exhausted|exceeded)"
    r"|not enough (?:balance|credits?|quota|funds)|out of (?:credits?|balance|funds|quota)|no (?:remaining )?credits (?:left|remaining)"
    r"|(?:daily|weekly|monthly) (?:\w+ ){0,2}(?:limit|quota|allowance)"
)
NOT_PERMITTED = re.compile(
    rf"\bnot (?:currently )?(?:available|enabled|included|supported|accessible|allowed|permitted|activated|offered)(?: \w+){{0,3}}?"
    rf" (?:for|in|on|to|with|under|by) (?:your|this|the) (?:\w+ ){{0,2}}{ACCOUNT}\b"
    rf"|\b(?:your|this|the) (?:\w+ ){{0,2}}{ACCOUNT} (?:does not|doesn't|cannot|can't|has no|may not|is not (?:allowed|permitted|authori[sz]ed|entitled))\b"
    r"|\brequires? (?:a |an |the )?(?:\w+ ){1,3}(?:plan|tier|subscription)\b|\bupgrade your (?:plan|tier|subscription|account)\b"
)


def cause_in(said: str) -> Cause | None:
    """Why, as far as these words tell; None where they tell nothing, also for a rate limit (see `asks_to_wait`)."""
    said = _plain(said)
    if (filtered := filter_said(said)) or asks_to_wait(said):
        return filtered
    if USED_UP.search(said):
        return Cause.OUT_OF_BALANCE
    return Cause.NOT_PERMITTED if NOT_PERMITTED.search(said) else None


def filter_said(said: str) -> Cause | None:
    """What the words say about the model's filter: it refused, it is down, or None where they say neither."""
    said = _plain(said)
    if FILTER_DOWN.search(said) or (PERHAPS_DOWN.search(said) and not REFUSED_BY.search(said)):
        return Cause.PROVIDER_FAILED
    return Cause.MODERATED if REFUSED.search(said) and not NOT_REFUSED.search(said) else None


def asks_to_wait(said: str) -> bool:
    """Whether the words are about too many requests or jobs at once, which waiting mends."""
    return WAIT.search(_plain(said)) is not None


def _plain(said: str) -> str:
    """The words in lower case with single spaces, codes as words, without what is quoted."""
    return " ".join(QUOTED.sub(" ", said).casefold().replace("_", " ").split())

"""When to look at a job again. Pure; all figures in seconds."""

FIRST = 0.5  # of the usual time: nothing can be ready before
SHORTEST, LONGEST = 1.0, 10.0
SPREAD = 0.2  # of a delay, so that jobs do not fall into step after an outage
PATIENCE = 20  # times the usual, and then a job that still renders is in doubt
LEAST_PATIENCE = 600.0  # a busy machine draws the sandbox's clips slowly, and a real provider has slow hours


def first_look(usual: float, *, chance: float) -> float:
    """How long after its acceptance to look first. `chance` is 0 to 1."""
    return _spread(max(SHORTEST, usual * FIRST), chance)


def next_look(age: float, *, chance: float) -> float:
    """How long until the next look at a job accepted `age` seconds ago: a tenth of its age, within bounds."""
    return _spread(min(LONGEST, max(SHORTEST, age / 10)), chance)


def after_trouble(tries: int, *, chance: float) -> float:
    """How long to wait after the `tries`-th step in a row that did not work."""
    return _spread(min(60.0, 2.0 ** min(tries, 6)), chance)


def is_overdue(age: float, usual: float) -> bool:
    """Whether a job accepted `age` seconds ago has waited longer than anybody should."""
    return age > max(LEAST_PATIENCE, PATIENCE * usual)


def _spread(delay: float, chance: float) -> float:
    return delay * (1 - SPREAD + 2 * SPREAD * chance)

"""What a page does without its own clock: a script that it runs before all others."""

# A timer of more than ten seconds never fires. What the page does then was caused by something else, however slow the machine is: its own polls
# come later than that, and so does the end of its patience with a request.
WITHOUT_LATE_TIMERS = "const later = window.setTimeout; window.setTimeout = (act, ms, ...rest) => (ms > 10_000 ? 0 : later(act, ms, ...rest));"

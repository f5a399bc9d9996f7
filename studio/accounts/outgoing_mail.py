"""Every e-mail of ours is written and sent here: the subject on one line, no control characters. What django-allauth sends is cleaned the same
way by our adapter.
"""

from collections.abc import Mapping

from django.core.mail import send_mail
from django.template.loader import render_to_string

from studio import plain_text


def send(letter: str, facts: Mapping[str, object], *, to: str) -> bool:
    """Whether the mail server took it. `letter` names two templates, such as credits/email/asked. Raises SMTPException, OSError."""
    subject = plain_text.one_line(render_to_string(f"{letter}_subject.txt", dict(facts)))
    text = plain_text.lines(render_to_string(f"{letter}_message.txt", dict(facts)))
    return send_mail(subject, text, None, [to]) == 1

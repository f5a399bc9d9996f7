"""E-mail over SMTP, with the certificates that the rest of the studio believes."""

import ssl
from functools import cached_property

from django.core.mail.backends.smtp import EmailBackend

from studio.providers import trust


class TrustingBackend(EmailBackend):
    """Django's, which knows none of our settings for certificates."""

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """What the mail server's certificate is checked with."""
        return trust.context()

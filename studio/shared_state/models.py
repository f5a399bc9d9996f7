"""The tables of the counters and of the cache. Nothing else knows what stands in them."""

from django.db import models


class Counter(models.Model):
    """What one key has used of one rate in the current window and in the one before. `counters.py` explains the windows."""

    name = models.CharField(max_length=40)  # of the limit, such as login_failed
    seconds = models.PositiveIntegerField()  # how long a window is
    key = models.CharField(max_length=64)
    window = models.BigIntegerField()  # its number: seconds since 1970, divided by its length
    used = models.BigIntegerField(default=0)
    used_before = models.BigIntegerField(default=0)
    expires_at = models.BigIntegerField(db_index=True)  # seconds since 1970

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "seconds", "key"], name="one_counter_a_key"),
            models.CheckConstraint(condition=models.Q(used__gte=0), name="counter_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.key}"


class CachedValue(models.Model):
    """One value of the shared cache, as JSON."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires_at = models.BigIntegerField(null=True, db_index=True)  # seconds since 1970; null: never

    def __str__(self) -> str:
        return self.key

"""The append-only record of who changed what."""

from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """One change, written in the transaction that made it; never updated, never deleted."""

    team = models.ForeignKey("accounts.Team", on_delete=models.PROTECT, related_name="events")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    details = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.verb} {self.subject}"


def record(*, team, user, verb: str, subject: str, **details) -> AuditEvent:
    """Append one event. Call it inside the transaction of the change it tells of."""
    return AuditEvent.objects.create(team=team, user=user, verb=verb, subject=subject, details=details)

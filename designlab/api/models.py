"""Tokens that let a program act for a person, and answers kept so that a repeated request is not done twice."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from designlab.accounts.models import Team, TeamOwned


class Token(models.Model):
    """One program's right to act for one person in one team; only the secret's digest is kept."""

    class Scope(models.TextChoices):
        READ = "read", "read only"
        FULL = "full", "read and change"

    team_path = "team"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tokens")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=4, choices=Scope.choices, default=Scope.READ)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the secret
    ending = models.CharField(max_length=4)  # its last signs, by which a person recognises it
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} (…{self.ending})"

    @property
    def is_good(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class Remembered(models.Model):
    """The answer to a request that carried an idempotency key; without a status it is still being worked on."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="remembered")
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64)  # SHA-256 of what was asked
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=80, blank=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="a_key_is_used_once")]

    def __str__(self) -> str:
        return f"{self.key}: {self.status or 'in progress'}"

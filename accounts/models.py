"""Users, their areas, and the audit trail."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.roles import ROLE_PERMISSIONS, Permission, Role


class UserManager(BaseUserManager):
    def get_by_natural_key(self, username):
        return self.get(username=username)

    def system(self):
        """Return the user in whose name commands and nightly work act."""
        return self.get(username="system")


class User(AbstractBaseUser):
    """A person with one role and one area. Nobody is deleted: an account is switched off.

    `region` is the area by name; what the database reads is `ScopeRange`. `household_id` is a resident's own
    household. `second_factor` keeps a place for the second factor: the name of the enrolled method.
    """

    username = models.CharField(_("user name"), max_length=150, unique=True)
    full_name = models.CharField(_("name"), max_length=100)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    region = models.ForeignKey(
        "regions.Region",
        models.PROTECT,
        null=True,
        blank=True,
        db_column="region",
        db_index=False,
        related_name="+",
        verbose_name=_("area"),
    )
    unit = models.CharField(_("unit"), max_length=200, blank=True)
    phone = models.CharField(_("office phone"), max_length=20, blank=True)
    household_id = models.BigIntegerField(_("own household"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    must_change_password = models.BooleanField(_("must change the password"), default=True)
    password_changed_at = models.DateTimeField(_("password changed at"), null=True, blank=True)
    second_factor = models.CharField(_("second factor"), max_length=20, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, blank=True)
    created_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, db_index=False, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(name="user_role_is_known", condition=Q(role__in=Role.values)),
        ]

    def __str__(self):
        return self.full_name or self.username

    def get_short_name(self) -> str:
        """Return what Django's admin greets with."""
        return self.full_name

    def may(self, permission: Permission) -> bool:
        """Answer the one question asked of a user."""
        return self.is_active and permission in ROLE_PERMISSIONS.get(self.role, ())

    @cached_property
    def _ranges(self):
        return list(self.scope.all())

    def scope_ranges(self):
        """Return the user's `ScopeRange` rows; read once per user object (so once per request)."""
        return self._ranges if self.pk and self.is_active else []

    @property
    def area_code(self) -> str:
        return self.region_id or ""

    # What Django's admin asks
    @property
    def is_staff(self):
        return self.may(Permission.USER_MANAGE) or self.may(Permission.CONFIG_EDIT) or self.may(Permission.LOCK_MANAGE)

    is_superuser = False

    def has_perm(self, perm, obj=None):
        return False  # admin classes ask `may()`

    def has_module_perms(self, app_label):
        return self.is_staff


class ScopeRange(models.Model):
    """What a user sees: a range of region codes, or one household of it. Read by the database's own policies.

    `lo` is inside, `hi` is not. `household_id` narrows the range to one household (paired helpers, residents).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="scope", db_index=False)
    lo = models.CharField(max_length=15, db_collation="C")
    hi = models.CharField(max_length=15, db_collation="C")
    household_id = models.BigIntegerField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "household_id"], name="scoperange_user")]
        constraints = [
            models.CheckConstraint(name="scoperange_is_a_range", condition=Q(lo__lt=F("hi"))),
            models.UniqueConstraint(
                fields=["user", "lo", "hi", "household_id"], name="scoperange_once", nulls_distinct=False
            ),
        ]


class ApiToken(models.Model):
    """A key with which a person's program reads the API: what the person may see, and nothing that the API cannot.

    The text is `fpt_<key>_<secret>`; it is shown once, and only the SHA-256 digest of the secret is kept. With 256
    random bits a plain digest is enough: there is no word list to try. It ends by itself, and it can be revoked.
    """

    user = models.ForeignKey(User, models.PROTECT, related_name="tokens")
    name = models.CharField(_("what it is for"), max_length=60)
    key = models.CharField(max_length=12, unique=True, db_collation="C")
    digest = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_address = models.GenericIPAddressField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)  # when its use after its end was last noted

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(name="apitoken_ends_after_it_begins", condition=Q(expires_at__gt=F("created_at"))),
        ]

    def __str__(self):
        return self.name


class AuditEvent(models.Model):
    """Reads of full values, exports, log-ins, refusals and decisions. The application can only insert.

    The actor stands as text as well: the trail must not depend on other rows. `txid` is the inserting transaction:
    the sealing task chains only rows older than the oldest running one, or a late commit would slip behind the chain.
    """

    append_only = True

    at = models.DateTimeField(_("at"), auto_now_add=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor = models.CharField(_("who"), max_length=150, blank=True)
    role = models.CharField(_("role"), max_length=20, blank=True)
    area = models.CharField(_("area"), max_length=15, blank=True, db_collation="C")
    action = models.CharField(_("action"), max_length=60)
    target = models.CharField(_("target"), max_length=200, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "-id"], name="auditevent_action"),
            models.Index(fields=["actor", "-id"], name="auditevent_actor"),
            models.Index(fields=["target"], name="auditevent_target"),
        ]


class AuditSeal(models.Model):
    """One link of the chain: digest = SHA-256(previous digest | the event's row in canonical form)."""

    append_only = True

    event_id = models.BigIntegerField(unique=True)
    digest = models.BinaryField()
    sealed_at = models.DateTimeField(auto_now_add=True)

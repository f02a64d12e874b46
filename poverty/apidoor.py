"""Who gets in to the API, and how fast: what REST framework loads by name from the settings, before any view.

It asks nothing itself: middleware (`accounts.api`) has found out who comes, the address's policy whether they may.
"""

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.throttling import SimpleRateThrottle

from poverty import scope


class Door(SessionAuthentication):
    """Whom the middleware has let in, by session or by token."""

    def authenticate(self, request):
        asked = request._request
        if not asked.user.is_authenticated:
            return None
        token = getattr(asked, "api_token", None)
        if token is None and request.method not in ("GET", "HEAD", "OPTIONS"):
            self.enforce_csrf(request)
        return asked.user, token

    def authenticate_header(self, request):
        return 'Bearer realm="api"'


class ByPolicy(BasePermission):
    """Let in whom a policy has let in: it has entered the scope of exactly this person."""

    def has_permission(self, request, view):
        actor = scope.current()
        return actor is not None and not actor.system and actor.user_id is not None and actor.user_id == request.user.pk


class Throttle(SimpleRateThrottle):
    """Slow a token down that asks too fast. People at pages are not counted; without Redis nobody is."""

    def __init__(self):
        self.rate = settings.API_RATE or None
        self.num_requests, self.duration = self.parse_rate(self.rate)

    def get_cache_key(self, request, view):
        return f"api-rate:{request.auth.pk}" if request.auth is not None else None

    def allow_request(self, request, view):
        if not self.rate:
            return True
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError):
            return True


class OnlyJson(BaseContentNegotiation):
    """There is one form of answer, whatever is asked for."""

    def select_parser(self, request, parsers):
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type

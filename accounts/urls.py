"""Addresses of accounts."""

from django.urls import path

from accounts import trail_views, user_views, views

app_name = "accounts"
urlpatterns = [
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("password/", views.password_change, name="password_change"),
    path("me/", views.me, name="me"),
    path("me/end-sessions/", views.end_sessions, name="end_sessions"),
    path("me/tokens/", views.token_add, name="token_add"),
    path("me/tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
    path("language/", views.set_language, name="set_language"),
    path("session/", views.session_state, name="session"),
    path("session/keep/", views.session_keep, name="session_keep"),
    path("users/", user_views.user_list, name="users"),
    path("users/add/", user_views.user_add, name="user_add"),
    path("users/sheet/", user_views.user_sheet, name="user_sheet"),
    path("users/sheet/template.xlsx", user_views.user_template, name="user_template"),
    path("users/sheet/passwords.xlsx", user_views.user_passwords, name="user_passwords"),
    path("users/regions/", user_views.region_options, name="region_options"),
    path("users/<int:pk>/", user_views.user_edit, name="user_edit"),
    path("users/<int:pk>/password/", user_views.user_password, name="user_password"),
    path("users/<int:pk>/switch/", user_views.user_switch, name="user_switch"),
    path("locks/", trail_views.lock_list, name="locks"),
    path("locks/<int:pk>/release/", trail_views.lock_release, name="lock_release"),
    path("audit/", trail_views.audit_list, name="audit"),
    path("audit/verify/", trail_views.audit_verify, name="audit_verify"),
]

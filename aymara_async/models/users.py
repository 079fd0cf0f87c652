"""The people who correct scores, and where they belong."""

from __future__ import annotations

from aymara_async.models.model import Model, model


@model
class FeatureFlags(Model):
    """Parts of the product that are switched on for a user."""

    enable_dashboard: bool
    """Whether the user can open the dashboard."""


@model
class Organization(Model):
    """The organization a user belongs to."""

    name: str
    """Name of the organization."""
    org_uuid: str
    """Identifier of the organization."""


@model
class Workspace(Model):
    """The workspace a user works in."""

    name: str | None = None
    """Name of the workspace."""
    organization_name: str | None = None
    """Name of the organization that owns the workspace."""
    organization_uuid: str | None = None
    """Identifier of the organization that owns the workspace."""
    workspace_uuid: str | None = None
    """Identifier of the workspace."""


@model
class User(Model):
    """A person with an account."""

    email: str
    """E-mail address."""
    feature_flags: FeatureFlags
    """Parts of the product that are switched on for this user."""
    is_admin: bool
    """Whether the user administers the organization."""
    is_impersonating: bool
    """Whether someone else acts in this user's name."""
    org_admin_emails: list[str] | None = None
    """E-mail addresses of the organization's administrators."""
    organization: Organization | None = None
    """The organization the user belongs to."""
    workspace: Workspace | None = None
    """The workspace the user works in."""

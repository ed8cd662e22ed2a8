"""Enums of the models under their GraphQL names. Import them from here: this module registers the names."""

import strawberry

from models.scopes import Scope
from models.task import Priority, Status

__all__ = ["Priority", "Scope", "Status"]

strawberry.enum(Status, name="TaskStatus", description="Task status.")
strawberry.enum(Priority, name="TaskPriority", description="Task priority, lowest first.")
strawberry.enum(Scope, name="TokenScope", description="Scope of an API token; writing includes reading.")

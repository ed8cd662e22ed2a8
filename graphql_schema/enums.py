"""The enums of the models, under the names they have in the graph. Take them from here: importing is what names them."""

import strawberry

from models.scopes import Scope
from models.task import Priority, Status

__all__ = ["Priority", "Scope", "Status"]

strawberry.enum(Status, name="TaskStatus", description="How far a task is.")
strawberry.enum(Priority, name="TaskPriority", description="How pressing a task is, least first.")
strawberry.enum(Scope, name="TokenScope", description="What a token may be good for; writing includes reading.")

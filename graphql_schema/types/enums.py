"""GraphQL enums, made from the enums of the models. Import them from here: this module registers their GraphQL names."""

import strawberry

from models.schemas.move_input import OrderEnd
from models.scopes import Scope
from models.task import Priority, Status

__all__ = ["OrderEnd", "Priority", "Scope", "Status"]

strawberry.enum(Status, name="TaskStatus", description="Task status.")
strawberry.enum(Priority, name="TaskPriority", description="Task priority, lowest first.")
strawberry.enum(Scope, name="TokenScope", description="Scope of an API token; write scopes include reading.")
strawberry.enum(OrderEnd, name="OrderEnd", description="End of an order.")

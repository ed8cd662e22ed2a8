"""All attacks, in the order in which they run.

An attack is a function of the URL of the service. It returns the status codes of the responses, 0 if there was none.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.attack import anonymous_documents, connections, memory, queues, writes

AttackFunction = Callable[[str], list[int] | Coroutine[Any, Any, list[int]]]


@dataclass(frozen=True, slots=True)
class Attack:
    """A function, settings of the service other than the defaults, and what has to be inserted before.

    `prepare` receives the URL of the service and that of the owner of its database. `make test` runs a short version of the
    attacks with `is_tested`, one or two of each module.
    """

    function: AttackFunction
    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[str, str], None] | None = None
    is_tested: bool = False

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """First line of the function's docstring, without the full stop."""
        return (self.function.__doc__ or self.name).splitlines()[0].rstrip(".")


ATTACKS = (
    Attack(anonymous_documents.aliased_introspection, is_tested=True),
    Attack(anonymous_documents.repeated_fields, settings={"GRAPHQL_INTROSPECTION": "false"}),
    Attack(anonymous_documents.unknown_fields),
    Attack(anonymous_documents.unknown_input_fields),
    Attack(writes.delete_deep_subtasks, prepare=writes.insert_chains, is_tested=True),
    Attack(writes.update_deep_subtasks, prepare=writes.insert_chains),
    Attack(writes.create_bulks, prepare=writes.insert_chains),
    Attack(queues.fresh_api_tokens),
    Attack(queues.logouts),
    Attack(queues.refreshes),
    Attack(memory.request_nested_rest_page),
    Attack(memory.request_nested_graphql_page),
    Attack(memory.leave_responses_unread),
    Attack(connections.open_idle_sockets, is_tested=True),
    Attack(connections.request_openapi_document),
    Attack(connections.log_in_from_many_addresses, settings={"FORWARDED_ALLOW_IPS": "127.0.0.1"}),
)

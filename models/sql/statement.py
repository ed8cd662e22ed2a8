"""SQL statements with named placeholders, also in the form that PREPARE and EXECUTE need."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

# An argument of EXECUTE is converted to an array of UUIDs only by an explicit cast; PREPARE infers all other types.
_PLACEHOLDER = re.compile(r"CAST\(%\((?P<array>\w+)\)s AS (?P<type>\w+\[\])\)|%\((?P<name>\w+)\)s|%%")
_NAME_LENGTH = 32  # hexadecimal digits; names of PostgreSQL have at most 63


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Its name is a hash of its SQL, so that one name never stands for different statements."""

    text: str  # with the placeholders of psycopg2: %(name)s
    name: str
    prepare: str  # complete: has no placeholders
    execute: str  # with the placeholders of psycopg2

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the statement with this text, whose placeholders are `%(name)s`."""
        numbers: dict[str, int] = {}
        arguments: dict[str, str] = {}

        def number(match: re.Match[str]) -> str:
            if match.group() == "%%":
                return "%"
            name, array_type = match["array"] or match["name"], match["type"]
            parameter = f"${numbers.setdefault(name, len(numbers) + 1)}"
            if array_type is None:
                arguments.setdefault(name, f"%({name})s")
                return parameter
            arguments[name] = f"CAST(%({name})s AS {array_type})"
            return f"CAST({parameter} AS {array_type})"

        prepared = _PLACEHOLDER.sub(number, text)
        name = f"s{sha256(prepared.encode()).hexdigest()[:_NAME_LENGTH]}"
        execute = f"EXECUTE {name} ({', '.join(arguments[parameter] for parameter in numbers)})" if numbers else f"EXECUTE {name}"
        return cls(text, name, f"PREPARE {name} AS {prepared}", execute)

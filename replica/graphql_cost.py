"""What a query costs:
https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api

A query needs one request for each connection, times the items of the connections around it, as if every page
were full. The cost is the sum of these divided by 100, rounded, and at least 1. (GitHub has been seen to
charge 6 for a query whose requests sum to 691, so it may be a point cheaper than its own formula.)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    value_from_ast_untyped,
)

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text())
MAXIMUM_NODES = 500_000


class Price(NamedTuple):
    requests: int
    nodes: int

    @property
    def cost(self) -> int:
        return max(1, (self.requests + 50) // 100)


# The names of all fields that are connections.
CONNECTIONS = frozenset(
    name
    for kind in SCHEMA.type_map.values()
    if isinstance(kind, GraphQLObjectType)
    for name, field in kind.fields.items()
    if get_named_type(field.type).name.endswith("Connection")
)


def price(document: DocumentNode, operation: OperationDefinitionNode, variables: dict) -> Price:
    """Requests and nodes of one valid operation. Each of a list of `ids` counts for itself."""
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value
    }
    fragments = {
        part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
    }
    return Walk(fragments, defaults | variables).selections(operation.selection_set, 1)


@dataclass(frozen=True)
class Walk:
    """Sums up what selections cost that are made `times` times."""

    fragments: dict[str, FragmentDefinitionNode]
    variables: dict

    def selections(self, chosen: SelectionSetNode | None, times: int) -> Price:
        total = Price(0, 0)
        for part in chosen.selections if chosen else ():
            if isinstance(part, FieldNode):
                found = self.field(part, times)
            else:
                target = self.fragments[part.name.value] if isinstance(part, FragmentSpreadNode) else part
                found = self.selections(target.selection_set, times)
            total = Price(total.requests + found.requests, total.nodes + found.nodes)
        return total

    def field(self, field: FieldNode, times: int) -> Price:
        arguments = {
            each.name.value: value_from_ast_untyped(each.value, self.variables)
            for each in field.arguments or ()
        }
        if field.name.value in CONNECTIONS:
            bounds = (arguments.get("first"), arguments.get("last"))
            size = max([0, *(value for value in bounds if isinstance(value, int))])
            inner = self.selections(field.selection_set, times * size)
            return Price(times + inner.requests, times * size + inner.nodes)
        identifiers = arguments.get("ids")
        return self.selections(
            field.selection_set, times * (len(identifiers) if isinstance(identifiers, list) else 1)
        )

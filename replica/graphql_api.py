"""`POST /graphql`: https://docs.github.com/graphql/guides/forming-calls-with-graphql"""

import functools
import json
from collections.abc import Callable

from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from replica.graphql_cost import MAXIMUM_NODES, SCHEMA, Price, price
from replica.graphql_nodes import Nodes, fault
from replica.quota import Standing
from replica.repositories import iso
from replica.rest import Answer, failure

MAXIMUM_TOKENS = 50_000  # of a query, against texts that only cost time

# Takes a cost and says whether the quota had that much, and how it stands now.
Charge = Callable[[int], tuple[bool, Standing]]


class RefusedError(Exception):
    """A query that is not run; `errors` are its answer."""

    def __init__(self, *errors: GraphQLError):
        super().__init__(*errors)
        self.errors = list(errors)


def answer(body: bytes, nodes: Nodes, charge: Charge, caller: str) -> Answer:
    """The answer to one query. `caller` is who the message on a used-up quota is addressed to."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return failure(400, "Problems parsing JSON")
    try:
        query, variables, name = read(asked)
        document, operation = check(query, name)
        asked_price = price(document, operation, variables)
        standing = pay(asked_price, charge, caller)
    except RefusedError as refused:
        return errors(refused.errors)
    rate_limit = {
        "cost": asked_price.cost,
        "limit": standing.limit,
        "nodeCount": asked_price.nodes,
        "remaining": standing.remaining,
        "resetAt": iso(standing.reset),
        "used": standing.used,
    }
    result = execute_sync(
        SCHEMA, document, nodes.query(rate_limit), variable_values=variables, operation_name=name
    )
    found = errors(result.errors).body if result.errors else {}
    return Answer(200, found if result.data is None else {"data": result.data, **found})


def read(asked: object) -> tuple[str, dict, str | None]:
    """Query, variables and the name of the operation."""
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise RefusedError(GraphQLError("A query attribute must be specified and must be a string."))
    variables, name = asked.get("variables") or {}, asked.get("operationName")
    if not isinstance(variables, dict) or not isinstance(name, str | None):
        raise RefusedError(GraphQLError("Variables must be an object, and an operation's name a string."))
    return asked["query"], variables, name


@functools.lru_cache(maxsize=64)  # a crawler asks the same query again and again
def check(query: str, name: str | None) -> tuple[DocumentNode, OperationDefinitionNode]:
    """The parsed query and its operation."""
    try:
        document = parse(query, max_lexical_tokens=MAXIMUM_TOKENS)
    except GraphQLError as error:
        raise RefusedError(error) from error
    if invalid := validate(SCHEMA, document):
        raise RefusedError(*invalid)
    operation = get_operation_ast(document, name)
    if operation is None:
        raise RefusedError(GraphQLError("Name one operation of the query by `operationName`."))
    return document, operation


def pay(asked: Price, charge: Charge, caller: str) -> Standing:
    """What is left of the quota once the query is paid for."""
    if asked.nodes > MAXIMUM_NODES:
        limit = f"which exceeds the maximum limit of {MAXIMUM_NODES:,}."
        message = f"This query requests up to {asked.nodes:,} possible nodes {limit}"
        raise RefusedError(fault("MAX_NODE_LIMIT_EXCEEDED", message))
    granted, standing = charge(asked.cost)
    if not granted:
        raise RefusedError(fault("RATE_LIMIT", f"API rate limit already exceeded for {caller}."))
    return standing


def errors(found: list[GraphQLError]) -> Answer:
    """A query that fails is answered with status 200 too, and each error has a `type` beside its message."""
    listed = []
    for error in found:
        entry = {"type": error.extensions["type"]} if "type" in (error.extensions or {}) else {}
        if error.path:
            entry["path"] = error.path
        if error.locations:
            entry["locations"] = [place.formatted for place in error.locations]
        listed.append({**entry, "message": error.message})
    return Answer(200, {"errors": listed})

"""What this Koha can do, read from its own description of its interface; versions differ, so nothing is assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from library.ils import ILSMisconfigured

_PLACE = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Spec:
    """The routes of one Koha: "get /checkouts/{}" → its query parameters by name, each with its type."""

    routes: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, body: Any) -> Spec:
        """Return what an OpenAPI description says. Raises ILSMisconfigured when it is none of Koha's."""
        paths = body.get("paths") if isinstance(body, dict) else None
        if not isinstance(paths, dict) or not paths:
            raise ILSMisconfigured("no Koha interface at [ils] url: /api/v1/ should describe it")
        routes: dict[str, dict[str, str]] = {}
        for path, methods in paths.items():
            if not isinstance(methods, dict):
                continue
            for method, told in methods.items():
                if isinstance(told, dict):
                    named = [*_listed(methods), *_listed(told)]
                    routes[f"{method.lower()} {_PLACE.sub('{}', path)}"] = _query(named, body)
        return cls(routes)

    def has(self, method: str, path: str) -> bool:
        """Return whether there is such a route; parts that vary are written {}."""
        return f"{method} {path}" in self.routes

    def parameter(self, method: str, path: str, name: str) -> str | None:
        """Return the type of a query parameter, or None when the route does not take it."""
        return self.routes.get(f"{method} {path}", {}).get(name)

    @property
    def checks_passwords(self) -> bool:
        return self.has("post", "/auth/password/validation")

    @property
    def renewal(self) -> str | None:
        """Return the last part of the route that renews: "renewals" of late, "renewal" before."""
        names = ("renewals", "renewal")
        return next((name for name in names if self.has("post", f"/checkouts/{{}}/{name}")), None)

    @property
    def tells_renewability(self) -> bool:
        return self.has("get", "/checkouts/{}/allows_renewal")


def _query(parameters: list[Any], body: Any) -> dict[str, str]:
    found = {}
    for each in parameters:
        told = _resolved(each, body)
        if told.get("in") == "query" and isinstance(told.get("name"), str):
            schema = told.get("schema")
            kind = schema.get("type") if isinstance(schema, dict) else None
            found[told["name"]] = str(told.get("type") or kind or "string")
    return found


def _listed(told: Mapping[str, Any]) -> list[Any]:
    named = told.get("parameters")
    return named if isinstance(named, list) else []


def _resolved(parameter: Any, body: Any) -> Mapping[str, Any]:
    """Return the parameter a reference within the description points to, or itself."""
    pointer = parameter.get("$ref", "") if isinstance(parameter, dict) else ""
    if not str(pointer).startswith("#/"):
        return parameter if isinstance(parameter, dict) else {}
    at: Any = body
    for step in str(pointer)[2:].split("/"):
        at = at.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(at, dict) else {}
    return at if isinstance(at, dict) else {}

"""Validate bundles with roc-validator against the RO-Crate 1.3 profile, without the network.

``pip install roc-validator rocrate``, in an environment of its own, then
``python benchmarks/validate_bundle.py BUNDLE ...``. The one document the validator would fetch, the JSON-LD
context, is taken from ro-crate-py.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from types import SimpleNamespace

from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

CONTEXT = files("rocrate").joinpath("data/ro-crate.jsonld").read_text(encoding="utf-8")


def get(_: HttpRequester, url: str, **options: object) -> SimpleNamespace:
    """Answer a request for the context, and no other."""
    if url != json.loads(CONTEXT)["@id"]:
        raise OSError(f"not fetched: {url}")
    return SimpleNamespace(
        status_code=200, ok=True, url=url, headers={"Content-Type": "application/ld+json"}, text=CONTEXT,
        content=CONTEXT.encode(), json=lambda: json.loads(CONTEXT), raise_for_status=lambda: None,
    )  # fmt: skip


def main() -> int:
    """Print every issue of every bundle; return 1 if a required check fails."""
    HttpRequester.get = get
    failed = False
    for bundle in sys.argv[1:]:
        settings = services.ValidationSettings(
            rocrate_uri=bundle,
            profile_identifier="ro-crate-1.3",
            requirement_severity=models.Severity.RECOMMENDED,
        )
        issues = services.validate(settings).get_issues()
        required = [issue for issue in issues if issue.severity == models.Severity.REQUIRED]
        failed = failed or bool(required)
        print(f"{bundle}: {len(required)} issues of required checks, {len(issues) - len(required)} of others")
        print(
            *(f"  {issue.severity.name} {issue.check.identifier}: {issue.message}" for issue in issues),
            sep="\n",
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The files that a project for a language begins with."""

from __future__ import annotations

import json

from compiler.language.draft import draft
from compiler.language.known import Known
from compiler.text.project import package_root

SCHEMAS = ("recipe.schema.json", "profile.schema.json")


def starting_files(known: Known, anchor: str, shipped: bool) -> dict[str, str]:
    """Path from the project's folder -> text; a language whose profile is shipped has none of its own."""
    profile = f"languages/{known.code}.yaml"
    recipe = (package_root() / "starter" / "recipe.yaml").read_text("utf-8")
    said = {"TARGET": known.code, "ANCHOR": anchor, "PROFILE": f"pkg:{profile}" if shipped else profile}
    for name, value in said.items():
        recipe = recipe.replace(name, value)
    rows = [json.dumps({"id": place, "text": text}, ensure_ascii=False) for place, text in enumerate(known.sample, 1)]
    return {
        "recipe.yaml": recipe,
        **({} if shipped else {profile: draft(known, "../profile.schema.json")}),
        "data/sample.jsonl": "".join(f"{row}\n" for row in rows),
        **{name: (package_root() / name).read_text("utf-8") for name in SCHEMAS},
        ".recipe/.gitignore": "*\n",
    }

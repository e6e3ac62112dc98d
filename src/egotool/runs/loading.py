"""Recipes from TOML: shipped ones, your own, and overrides from the command line, merged in one place."""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

import tomli_w
from pydantic import ValidationError

from egotool.errors import RecipeError, UsageError
from egotool.runs.recipe import Recipe

Toml: TypeAlias = str | int | float | bool | list["Toml"] | dict[str, "Toml"]
Table: TypeAlias = dict[str, Toml]

BASE = "base"
ALIASES = {"rgb": "convlstm-attention", "ms": "convlstm-idt"}


def _shipped() -> Traversable:
    return resources.files("egotool") / "recipes"


def recipe_names() -> list[str]:
    """Return the names of the shipped recipes: `paper`, `small`, …"""
    return sorted(folder.name for folder in _shipped().iterdir() if (folder / f"{BASE}.toml").is_file())


def model_names(recipe: str | None = None) -> list[str]:
    """Return the models that `recipe` (default: any shipped recipe) trains."""
    folders = [_shipped() / name for name in ([recipe] if recipe else recipe_names())]
    files = (file.name.removesuffix(".toml") for folder in folders for file in folder.iterdir())
    return sorted({name for name in files if name != BASE and not name.startswith(("_", "."))})


def resolve_model(name: str) -> str:
    """Return the model's own name for a name or alias (`rgb`, `ms`).

    Raises:
        UsageError: if there is no such model; suggests the nearest.
    """
    model = ALIASES.get(name, name)
    known = model_names()
    if model in known:
        return model
    near = difflib.get_close_matches(name, [*known, *ALIASES], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"there is no model {name!r}: {hint}The models are {', '.join(known)}.")


def load_recipe(model: str, recipe: str, *, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe for `model`: base, then the model's own file, then `overrides`, then checked.

    A recipe file may name a shipped recipe with `base = "small"`, or a shipped model's recipe with
    `base = "small/dynamic-net"`: tables are then merged key by key; a stage changes the base's stage of the
    same name, or comes after those of the base. In `[streams]` a model's name stands for its recipe of the
    same kind. A file has a name of its own, unless it says what the shipped recipe of that name does.

    Args:
        model: a model's own name (see `resolve_model`).
        recipe: a shipped recipe's name, or the path of a TOML file.
        overrides: `key=value` with a dotted key and a TOML value, such as `stages.0.lr=1e-3`; an item of
            a list is named by its position or, for stages, by its name.

    Raises:
        RecipeError: with the file, the key and what is expected there, or if a file has the name of a shipped
            recipe, or says no model and has another network than `model`.
    """
    is_file = recipe.endswith(".toml") or "/" in recipe
    if is_file:
        origin = recipe
        table = _read_toml(Path(recipe), origin)
        table.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", Path(recipe).stem).strip("-._") or "own")
        kind, _, based_on = str(table.get(BASE, table["name"])).partition("/")
        says_model = "model" in table or bool(based_on)
        meant = table.setdefault("model", based_on or model)
        if meant != model:
            raise RecipeError(f"the recipe {origin} is for the model {meant!r}, not for {model!r}")
    else:
        if recipe not in recipe_names():
            raise RecipeError(
                f"there is no recipe {recipe!r}: use {', '.join(recipe_names())}, or the path of a .toml file"
            )
        origin = f"{recipe}/{model}.toml"
        kind = recipe
        if model not in model_names(recipe):
            raise RecipeError(
                f"the recipe {recipe!r} has no model {model!r}; it has {', '.join(model_names(recipe))}"
            )
        table = _read_toml(_shipped() / recipe / f"{model}.toml", origin)
        table.setdefault("model", model)
    table = _with_streams(_on_base(table, origin), origin, kind=kind)
    if is_file and table.get("name") in recipe_names():
        _refuse_shipped_name(_validate(table, origin), origin)
    if is_file and not says_model:
        _refuse_other_network(_validate(table, origin), origin)
    for override in overrides:
        _override(table, override)
    return _validate(table, " --set ".join((f"{origin} with", *overrides)) if overrides else origin)


def _refuse_shipped_name(recipe: Recipe, origin: str) -> None:
    """Refuse a file that tables would take for the shipped recipe of its name, unless it says the same."""
    words = {"description", "source"}
    if recipe.model in model_names(recipe.name):
        shipped = load_recipe(recipe.model, recipe.name)
        if recipe.model_dump(exclude=words) == shipped.model_dump(exclude=words):
            return
    raise RecipeError(
        f"the recipe {origin} has the name of a shipped recipe, {recipe.name!r}, but other values: "
        'rename it (`name = "mine"` in the file)'
    )


def _refuse_other_network(recipe: Recipe, origin: str) -> None:
    """Refuse a file of another network than the model has that it is trained as: tables go by the model."""
    own = _parts(recipe)
    for key, part in _parts(load_recipe(recipe.model, "small")).items():
        if own[key] != part:
            raise RecipeError(
                f"the recipe {origin} is not for {recipe.model}: its {key} is {own[key]}, not {part}; name "
                f'the model that it is for, or begin it with base = "small/{recipe.model}"'
            )


def _parts(recipe: Recipe) -> dict[str, str]:
    """Return what tells the models apart."""
    network, head = recipe.network, recipe.head
    attention = "true" if network.kind == "convlstm" and network.attention else "false"
    return {
        "network.kind": network.kind,
        "network.attention": attention,
        "head": "none" if head is None else f"{head.kind} with tap {head.tap}",
    }


def recipe_to_toml(recipe: Recipe) -> str:
    """Return the complete recipe as TOML; reading it back with `recipe_from_toml` gives an equal recipe."""
    text = tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True))
    return re.sub(r"= \[\n([^\[\]]*),\n\]", lambda array: f"= [{' '.join(array[1].split())}]", text)


def recipe_from_toml(text: str, *, origin: str) -> Recipe:
    """Return the recipe that a complete TOML text holds; `origin` names it in errors."""
    try:
        table: Table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{origin} is not valid TOML: {error}") from error
    return _validate(table, origin)


def _read_toml(path: Path | Traversable, origin: str) -> Table:
    try:
        text = path.read_text(encoding="utf-8")
        table: Table = tomllib.loads(text)
    except FileNotFoundError as error:
        raise RecipeError(f"there is no recipe file {origin}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe file {origin} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the recipe {origin} is not valid TOML: {error}") from error
    return table


def _on_base(table: Table, origin: str) -> Table:
    base = table.pop(BASE, None)
    if base is None:
        return table
    recipe, _, model = str(base).partition("/")
    if (
        not isinstance(base, str)
        or recipe not in recipe_names()
        or (model and model not in model_names(recipe))
    ):
        raise RecipeError(
            f"the recipe {origin}: base is {base!r}, use one of {', '.join(recipe_names())}, or one of its "
            "models, such as small/dynamic-net"
        )
    file = f"{model or BASE}.toml"
    merged = _on_base(_read_toml(_shipped() / recipe / file, f"{recipe}/{file}"), f"{recipe}/{file}")
    if model:
        merged["model"] = model
    _merge(merged, table)
    return merged


def _with_streams(table: Table, origin: str, *, kind: str) -> Table:
    """Replace the models named in `[streams]` by their recipes in the shipped recipe `kind`."""
    streams = table.get("streams")
    if not isinstance(streams, dict):
        return table
    for stream, model in streams.items():
        if isinstance(model, str):
            if kind not in recipe_names() or model not in model_names(kind):
                raise RecipeError(
                    f"the recipe {origin}: streams.{stream} is {model!r}, which {kind} does not have"
                )
            other = f"{kind}/{model}.toml"
            own = _on_base(_read_toml(_shipped() / kind / f"{model}.toml", other), other)
            streams[stream] = {"model": model, **own}
    return table


def _merge(target: Table, source: Mapping[str, Toml]) -> None:
    for key, value in source.items():
        existing = target.get(key)
        if isinstance(existing, dict) and isinstance(value, dict):
            _merge(existing, value)
        elif key == "stages" and isinstance(existing, list) and isinstance(value, list):
            target[key] = _merged_stages(existing, value)
        else:
            target[key] = value


def _merged_stages(existing: list[Toml], further: list[Toml]) -> list[Toml]:
    merged = list(existing)
    for stage in further:
        name = stage.get("name") if isinstance(stage, dict) else None
        same = [each for each in merged if isinstance(each, dict) and each.get("name") == name]
        if same and isinstance(stage, dict):
            _merge(same[0], stage)
        else:
            merged.append(stage)
    return merged


def _override(table: Table, override: str) -> None:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key or not text.strip():
        raise RecipeError(f"--set {override}: write key=value, such as stages.0.lr=1e-3")
    *parents, last = key.split(".")
    place: Toml = table
    for depth, part in enumerate(parents):
        where = ".".join(parents[: depth + 1])
        if isinstance(place, dict) and part not in place:
            near = difflib.get_close_matches(part, place, n=1)
            raise RecipeError(
                f"--set {override}: the recipe has no {where}"
                + (f"; did you mean {near[0]!r}?" if near else "")
            )
        place = _item(place, part, override)
    value = _toml_value(text.strip())
    if isinstance(place, dict):
        place[last] = value
    elif isinstance(place, list) and last.isdigit() and int(last) < len(place):
        place[int(last)] = value
    else:
        raise RecipeError(f"--set {override}: {'.'.join(parents)} has no {last!r}")


def _item(place: Toml, part: str, override: str) -> Toml:
    if isinstance(place, dict):
        return place[part]
    if isinstance(place, list):
        if part.isdigit() and int(part) < len(place):
            return place[int(part)]
        for item in place:
            if isinstance(item, dict) and item.get("name") == part:
                return item
        names = [str(item.get("name")) for item in place if isinstance(item, dict)]
        raise RecipeError(
            f"--set {override}: there is no {part!r}; use 0 to {len(place) - 1} or {', '.join(names)}"
        )
    raise RecipeError(f"--set {override}: {part!r} is inside a plain value")


def _toml_value(text: str) -> Toml:
    try:
        parsed: Table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text  # --set head.form=depthwise: a shell has eaten the quotes, or nobody typed them
    return parsed["value"]


def _validate(table: Table, origin: str) -> Recipe:
    try:
        # through JSON: strict mode then accepts a TOML array for a tuple, and nothing else that differs
        return Recipe.model_validate_json(json.dumps(table))
    except (ValidationError, TypeError) as error:
        raise RecipeError(f"the recipe {origin}: {_sentence(error)}") from error


def _sentence(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return "dates and times have no place in a recipe"
    errors = error.errors(include_url=False)
    # where an item of a list is wrong, pydantic also finds the list too short
    inner = [each for each in errors if not any(_contains(each["loc"], other["loc"]) for other in errors)]
    # a key that is misspelt is missing, too: the misspelling says more
    first = next((each for each in inner if each["type"] == "extra_forbidden"), inner[0])
    where = first["loc"]
    # pydantic puts the tag of a union into the location: network.convlstm.dropout
    parts = [
        str(part) for at, part in enumerate(where) if at == 0 or where[at - 1] not in ("network", "head")
    ]
    key = ".".join(parts)
    more = len(inner) - 1
    also = f" (and {more} more)" if more else ""
    if first["type"] == "extra_forbidden":
        name = key.rpartition(".")[2]
        near = [each for each in difflib.get_close_matches(name, _field_names(), n=1) if each != name]
        return f"the key {key} is not known" + (f"; did you mean {near[0]}?" if near else "") + also
    if first["type"] == "missing":
        return f"the key {key} is missing{also}"
    message = first["msg"].removeprefix("Value error, ")
    if not key:
        return message + also
    if first["type"] == "union_tag_invalid":
        message = f"it should have kind {first['ctx']['expected_tags']}"
    message = message.replace("Input should be", "it should be").replace("a valid integer", "a whole number")
    return f"{key} is {first['input']!r}, but {message.replace('an object', 'a table')}{also}"


def _contains(place: tuple[int | str, ...], other: tuple[int | str, ...]) -> bool:
    return len(place) < len(other) and other[: len(place)] == place


def _field_names() -> list[str]:
    definitions = Recipe.model_json_schema()
    tables = [definitions, *definitions.get("$defs", {}).values()]
    return sorted({name for each in tables for name in each.get("properties", {})})

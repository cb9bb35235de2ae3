"""Reads the YAML that authors write: every fault is named by file and place."""

import math
from difflib import get_close_matches
from functools import cache
from typing import Any

DEEPEST = 100  # levels; libyaml calls itself for each, and too many would end the process
Schema = dict[str, tuple[tuple, bool]]  # field: its types, and whether it must be there


def load_yaml(text: str | bytes, file: str) -> Any:
    """The value of a YAML text; bytes are UTF-8. `file` is only for the message of the ValueError.

    Raises ValueError for what is no YAML, a key that stands twice in one place (YAML would keep the last and say
    nothing) and aliases, with which a file can contain itself.
    """
    import yaml  # here, because only what authors write needs it

    # libyaml where PyYAML has it, for it takes a tenth of the time.
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = text.decode() if isinstance(text, bytes) else text
        depth = 0
        for event in yaml.parse(text, base):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise ValueError("it is nested too deep")
            if isinstance(event, yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, f"*{event.anchor} is an alias", event.start_mark)
        return yaml.load(text, _loader(base))
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{file} is not YAML: {line}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or a number that there is none of
        raise ValueError(f"{file} is not YAML: {' '.join(str(error).split())}") from error


def load_entries(text: str | bytes, file: str) -> list[dict[str, Any]]:
    """A YAML text that is a list of entries with fields. Raises ValueError, naming `file` and the entry."""
    entries = load_yaml(text, file)
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{file} must be a list of entries")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise ValueError(f"{file}, entry {number}: must be fields, got {entry!r}")
    return entries


@cache
def _loader(base: type) -> type:
    """A loader of the same kind that refuses a key which stands twice."""
    import yaml

    class Loader(base):
        def construct_mapping(self, node, deep=False):
            fields = super().construct_mapping(node, deep)
            seen = set()
            for key, _ in node.value:
                made = self.construct_object(key, deep=True)
                if made in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{made!r} stands twice", key.start_mark)
                seen.add(made)
            return fields

    return Loader


def check_fields(fields: Any, schema: Schema, where: str) -> None:
    """Checks that `fields` holds what `schema` says and nothing else; numbers are finite, and a bool is no number.

    Raises ValueError that begins with `where` and names the field.
    """
    if not isinstance(fields, dict):
        raise ValueError(f"{where}: must be fields, got {fields!r}")
    for name in fields.keys() - schema.keys():
        near = get_close_matches(str(name), schema, n=1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(schema)}"
        raise ValueError(f"{where}, {name}: no such field; {meant}")
    for name, (types, needed) in schema.items():
        if name not in fields:
            if needed:
                raise ValueError(f"{where}, {name}: missing")
            continue
        value = fields[name]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types) or value in ("", [], {}):
            raise ValueError(f"{where}, {name}: must be {' or '.join(t.__name__ for t in types)}, got {value!r}")
        if isinstance(value, int | float) and not is_number(value):
            raise ValueError(f"{where}, {name}: must be a number that can be computed with, got {value!r}")


def is_number(value: Any) -> bool:
    """Whether a value is a finite number, of a size that fits a float."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False

"""Where settings come from: variables of the environment, a TOML file, and files that hold one secret each."""

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollcast.errors import Permanent
from rollcast.settings import PREFIX
from workers.kinds import Kind

CONFIG = f"{PREFIX}CONFIG"
OF_FILE = "_file"
HINT = "`python -m workers --help` lists all settings."


class UnusableSetting(Permanent):
    """A setting is missing, or cannot be used. What is said of it names where it stands, and holds no secret."""

    code = "bad_setting"


@dataclass(frozen=True)
class Setting:
    """One setting: its name in TOML, what values it has, its default as a text (None: it is needed), its meaning."""

    key: str
    kind: Kind
    default: str | None
    meaning: str
    secret: bool

    @property
    def variable(self) -> str:
        """The variable of the environment."""
        return variable(self.key)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that can give it."""
        return tuple(map(variable, self.keys))

    @property
    def keys(self) -> tuple[str, ...]:
        """Its names in TOML: a secret may lie in a file of its own."""
        return (self.key, self.key + OF_FILE) if self.secret else (self.key,)


@dataclass(frozen=True)
class Given:
    """A value, and how messages call the place where it stands; `is_text` if that place can hold nothing else."""

    value: object = field(repr=False)
    place: str
    is_text: bool


@dataclass(frozen=True)
class Source:
    """Settings by their keys in TOML; `place` says how messages call them."""

    values: Mapping[str, object] = field(repr=False)
    place: Callable[[str], str]
    is_text: bool

    def find(self, setting: Setting) -> Given | None:
        """What it says of a setting, if anything. Raises `UnusableSetting`."""
        found = [key for key in setting.keys if key in self.values]
        match found:
            case []:
                return None
            case [setting.key]:
                return Given(self.values[setting.key], self.place(setting.key), self.is_text)
            case [key]:
                return _content(self.values[key], self.place(key))
        raise UnusableSetting(
            f"{' and '.join(map(self.place, found))} are both given", hint="Keep one of them."
        )


def sources(environment: Mapping[str, str], settings: Sequence[Setting]) -> list[Source]:
    """The environment, and behind it the TOML file that it names, if any. An empty variable counts as not set."""
    keys = [key for setting in settings for key in setting.keys]
    texts = {key: text for key in keys if (text := environment.get(variable(key)))}
    found = [Source(texts, variable, is_text=True)]
    if file := environment.get(CONFIG):
        table = _table(Path(file), keys)
        found.append(Source(table, lambda key: f"{key} in {file}", is_text=False))
    return found


def value(setting: Setting, places: Sequence[Source]) -> Any:
    """The value of a setting, from the first source that has it. Raises `UnusableSetting`."""
    for source in places:
        if (given := source.find(setting)) is not None:
            return _parsed(setting, given)
    if setting.default is None:
        raise UnusableSetting(f"{setting.variable} is not set", hint=HINT)
    return setting.kind.parse(setting.default) if setting.default else setting.kind.empty


def variable(key: str) -> str:
    """The variable of the environment for a key in TOML."""
    return PREFIX + key.upper()


def _parsed(setting: Setting, given: Given) -> Any:
    kind = setting.kind
    try:
        found = kind.parse(str(given.value)) if given.is_text else kind.of_toml(given.value)
    except ValueError:
        # The text of the error may hold the secret.
        found = None
    if found is None or (setting.default is None and not found):
        shown = "" if setting.secret else f"{given.value!r}, and "
        raise UnusableSetting(f"{given.place} is {shown}not {kind.wanted}", hint=HINT)
    return found


def _table(file: Path, keys: Sequence[str]) -> Mapping[str, object]:
    try:
        found = tomllib.loads(_text(file, CONFIG))
    except tomllib.TOMLDecodeError as error:
        raise UnusableSetting(f"{file}, named by {CONFIG}, is not TOML: {error}", hint=HINT) from None
    for key in found:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"Is {near[0]} meant? {HINT}" if near else HINT
            raise UnusableSetting(f"{key} in {file} is no setting", hint=hint)
    return found


def _content(file: object, place: str) -> Given:
    if not isinstance(file, str) or not file:
        raise UnusableSetting(f"{place} is {file!r}, and not the path of a file", hint=HINT)
    secret = _text(Path(file), place).rstrip("\r\n")
    if not secret:
        raise UnusableSetting(f"{file}, named by {place}, is empty", hint="Write the value into it.")
    return Given(secret, f"what stands in {file}, named by {place},", is_text=True)


def _text(file: Path, place: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UnusableSetting(
            f"{file}, named by {place}, cannot be read: {error.strerror}",
            hint="See that it is there and that the user of this process may read it.",
        ) from error
    except UnicodeDecodeError:
        raise UnusableSetting(f"{file}, named by {place}, is not UTF-8 text", hint=HINT) from None

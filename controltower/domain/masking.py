"""Hiding personal data in payloads: by what a value looks like, and by the name of the field that holds it.

Pure, and linear in the length of the text. What is masked stays readable around it: JSON stays JSON, and
numbers keep their digits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from html import escape, unescape
from itertools import pairwise
from urllib.parse import unquote_plus

from controltower.domain.xml_layout import xml_parts

MASK = "•••"
_DEEPEST = 4  # JSON within strings of JSON is looked into so far

_PART = r"[^\s@<>\"'(),:;\[\]{}\\=]"  # what both sides of an address may be written with
# Begins where a run of such characters begins and never goes back into it: linear, however long the text.
_EMAIL = re.compile(f"(?<!{_PART})({_PART}++)@({_PART}+)")
# Where a number may begin, with all that may belong to it; `_replaced` finds out where it ends.
_CARD = re.compile(r"(?<![\w.])[2-6](?:[ -]?[0-9]){13,18}")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}")
_PHONE = re.compile(
    r"(?<![\w+])\+[1-9]\d{0,2}(?:[ ()/.-]{0,2}\d){6,12}(?!\d)"  # +49 30 123456
    r"|(?<![\w(])\(\d{3}\) ?\d{3}[ -]\d{4}(?!\d)"  # (555) 010-9999
    r"|(?<![\w-])\d{3}-\d{3}-\d{4}(?![\d-])"
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_HIDDEN_WORDS = frozenset(
    "password passwd passphrase pwd pin token secret credential credentials authorization cookie signature"
    " cvv cvc cvn card pan iban bic ssn passport"
    " phone telephone tel mobile fax email mail"
    " address addresses street postcode zip"
    " surname firstname lastname fullname birthday birthdate dob".split()
)
_HIDDEN_PAIRS = frozenset(
    tuple(pair.split("_"))
    for pair in "api_key account_number first_name last_name middle_name full_name given_name family_name"
    " customer_name buyer_name contact_name recipient_name cardholder_name birth_date date_birth"
    " postal_code ship_to bill_to".split()
)
_PEOPLE = frozenset(
    "customer customers buyer contact recipient consignee person cardholder shopper guest"
    " billing shipping".split()
)
_ASSIGNED = re.compile(
    r"(?i)\b(?P<name>[\w-]{0,40}(?:password|passwd|pwd|token|secret|cvv|cvc|api[_-]?key|iban|phone)[\w-]{0,40})"
    r"(?P<sign>[\"']?\s?[:=]\s?)(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&<>{}\"']++)"
)
_HINT = re.compile(r"(?i)[@:=]|\d[ -]?\d|bearer|basic")  # most texts hold nothing of all that
_BEARER = re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}")


def mask_emails(text: str) -> str:
    """The text with the names in its e-mail addresses hidden: ``j•••@example.com``."""
    return _EMAIL.sub(lambda found: f"{found[1][:1]}{MASK}@{found[2]}", text)


def mask_text(text: str) -> str:
    """The text without e-mail names, phone, card and account numbers, and without what is assigned to a name
    that stands for a secret.
    """
    if _HINT.search(text) is None:
        return text
    text = _replaced(_IBAN, text, _is_iban, lambda plain: f"{plain[:2]}{MASK}{plain[-2:]}")
    text = _replaced(_CARD, text, _is_card, lambda plain: f"{MASK} {plain[-4:]}")
    text = _PHONE.sub(lambda found: f"{MASK}{found[0][-2:]}", text)
    text = _BEARER.sub(lambda found: f"{found[1]} {MASK}", text)
    return mask_emails(_ASSIGNED.sub(_hidden_assigned, text))


def mask_json(text: str) -> str:
    """JSON with the values of personal fields replaced and all other texts masked; its layout stays.

    What is no JSON is masked as far as it looks like it.
    """
    return "".join(masked_json(text))


def mask_xml(text: str) -> str:
    """XML with the content and attributes of personal elements replaced and all other texts masked."""
    return "".join(masked_xml(xml_parts(text)))


def mask_form(text: str) -> str:
    """An urlencoded form, decoded, a field a line; the values of personal fields are replaced."""
    lines = []
    for part in text.split("&"):
        name, sign, value = part.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        lines.append(f"{mask_text(name)}{sign}{mask_value(name, value)}")
    return "\n".join(lines)


def mask_value(name: str, value: str) -> str:
    """The value of a field, or of a header, of this name."""
    return _hidden_value(name, value) if is_hidden_field(name) else mask_text(value)


def _hidden_value(name: str, value: str) -> str:
    """Nothing of a value that is hidden is shown but that it is there, and where an e-mail goes to."""
    if {"email", "mail"}.intersection(_words(name)) and _EMAIL.fullmatch(value):
        return mask_emails(value)
    return MASK if value else ""


@lru_cache(maxsize=4096)
def is_hidden_field(name: str, above: tuple[str, ...] = ()) -> bool:
    """Whether a field of this name, in fields of the names `above`, holds personal data or a secret."""
    words = _words(name)
    if _HIDDEN_WORDS.intersection(words) or _HIDDEN_PAIRS.intersection(pairwise(words)):
        return True
    if words == ("name",) or words == ("names",):
        return any(_PEOPLE.intersection(_words(one)) for one in above)
    return words in (("customer",), ("buyer",), ("recipient",), ("consignee",), ("cardholder",))


def _words(name: str) -> tuple[str, ...]:
    """The words of a field's name, however it is written: camelCase, snake_case, kebab-case, ns:name."""
    return tuple(word.lower() for word in _WORD.findall(name.rpartition(":")[2][:120]))


def _replaced(
    pattern: re.Pattern[str], text: str, is_one: Callable[[str], bool], hidden: Callable[[str], str]
) -> str:
    """The text with the numbers hidden that begin where `pattern` matches and pass a check. A number ends
    where a group of its digits does; the longest one counts.
    """
    parts, kept, at = [], 0, 0
    while found := pattern.search(text, at):
        at = found.start() + 1
        for end in range(found.end(), found.start() + 12, -1):
            if text[end : end + 1].isalnum() or text[end - 1] in " -":
                continue
            plain = _SEPARATORS.sub("", text[found.start() : end])
            if is_one(plain):
                parts += [text[kept : found.start()], hidden(plain)]
                kept = at = end
                break
    return "".join(parts) + text[kept:]


_SEPARATORS = re.compile("[ -]")


def _is_card(plain: str) -> bool:
    # Numbers of 13 digits are barcodes; cards had them in the last century.
    if not 14 <= len(plain) <= 19:
        return False
    digits = [int(one) for one in plain]
    doubled = [one * 2 - 9 * (one > 4) for one in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def _is_iban(plain: str) -> bool:
    number = "".join(str(int(one, 36)) for one in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _hidden_assigned(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{found['sign']}{quote}{MASK}{quote}" if value.strip("\"'") else found[0]


# --- JSON -----------------------------------------------------------------------------------------

_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|\s++|[^\s"{}\[\],:]++|"', re.DOTALL)


class _Nesting:
    """Where a reader of JSON is: the names above, whether they hide all, and what comes next."""

    def __init__(self) -> None:
        self.names: list[str] = []  # of the containers around, "" for the elements of a list
        self.objects: list[bool] = []
        self.hidden: list[bool] = []
        self.name = ""  # of the value that comes next
        self.expects_name = False

    def open(self, is_object: bool) -> None:
        self.hidden.append(self.is_hidden and self.name not in _CONTAINERS)
        self.names.append(self.name)
        self.objects.append(is_object)
        self.expects_name = is_object
        if is_object:
            self.name = ""

    def close(self) -> None:
        if self.names:
            self.name = self.names.pop()
            self.objects.pop()
            self.hidden.pop()

    def next(self) -> None:
        self.expects_name = bool(self.objects and self.objects[-1])

    @property
    def is_hidden(self) -> bool:
        above = bool(self.hidden and self.hidden[-1])
        return above or (bool(self.name) and is_hidden_field(self.name, tuple(self.names[-3:])))


_CONTAINERS = frozenset(("customer", "buyer", "recipient", "consignee", "cardholder"))
"""Fields that are hidden when they hold a name, but may hold more than that."""


def masked_json(text: str, depth: int = 0) -> Iterator[str]:
    """`mask_json` in parts, so that whoever wants the beginning need not wait for the end."""
    at = _Nesting()
    for found in _JSON.finditer(text):
        token = found[0]
        first = token[0]
        if first in "{[":
            at.open(first == "{")
        elif first in "}]":
            at.close()
        elif first == ",":
            at.next()
        elif first == ":":
            at.expects_name = False
        elif not first.isspace():
            if at.expects_name and first == '"':
                at.name = _said(token)
                yield token if mask_text(at.name) == at.name else _quoted(mask_text(at.name))
            else:
                yield _scalar(token, at, depth)
            continue
        yield token


def _scalar(token: str, at: _Nesting, depth: int) -> str:
    if token in ("null", "true", "false", '""'):
        return token
    if token[0] != '"':
        return _quoted(MASK) if at.is_hidden else _number(token)
    said = _said(token)
    if at.is_hidden:
        return _quoted(_hidden_value(at.name, said))
    if depth < _DEEPEST and said.lstrip()[:1] in ("{", "["):
        hidden = "".join(masked_json(said, depth + 1))
    else:
        hidden = mask_text(said)
    return token if hidden == said else _quoted(hidden)


def _number(token: str) -> str:
    hidden = mask_text(token)
    return token if hidden == token else _quoted(hidden)


def _said(token: str) -> str:
    try:
        said = json.loads(token, strict=False)
    except ValueError:
        return token.strip('"')
    return said if isinstance(said, str) else token


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- XML ------------------------------------------------------------------------------------------

_TAG = re.compile(r"</?\s*([^\s/>]+)")
_ATTRIBUTE = re.compile(r"""([^\s=<>"'/]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)')""")


def masked_xml(parts: Iterable[str]) -> Iterator[str]:
    """`mask_xml` in parts, of a document that is in parts already."""
    names: list[str] = []
    for token in parts:
        if token.startswith("<![CDATA["):
            yield f"<![CDATA[{_content(token[9:-3], names)}]]>"
        elif token.startswith(("<!--", "<?", "<!")):
            yield mask_text(token)
        elif token.startswith("</"):
            if names:
                names.pop()
            yield token
        elif token.startswith("<") and (tag := _TAG.match(token)):
            if not token.endswith("/>"):
                names.append(tag[1])
            yield _ATTRIBUTE.sub(_hidden_attribute, token)
        else:
            said = unescape(token)
            hidden = _content(said, names)
            yield token if hidden == said else escape(hidden, quote=False)


def _content(said: str, names: list[str]) -> str:
    if not said.strip():
        return said
    for place in range(len(names)):
        is_innermost = place == len(names) - 1
        if (is_innermost or names[place].lower() not in _CONTAINERS) and is_hidden_field(
            names[place], tuple(names[:place])
        ):
            return _hidden_value(names[-1], said.strip())
    return mask_text(said)


def _hidden_attribute(found: re.Match[str]) -> str:
    said = unescape(found[3] if found[3] is not None else found[4])
    hidden = mask_value(found[1], said)
    return found[0] if hidden == said else f'{found[1]}{found[2]}"{escape(hidden)}"'

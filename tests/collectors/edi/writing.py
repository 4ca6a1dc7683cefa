"""Writing EDI as a sender would, with whatever separators."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from collectors.edi.segments import Separators

SPECIALS = "*~|^:+'?!#%&<>@;,./\\_={}[]()§…¦\x1c\x1d\x1e\x1f"
_COMPONENT, _REPETITION = "\ue000", "\ue001"  # stand for what may be the star itself
X12_DEFAULT = Separators("*", ">", "~")
EDIFACT_DEFAULT = Separators("+", ":", "'", "", "?")


@dataclass(frozen=True)
class X12:
    """One interchange of one group."""

    sets: list[tuple[str, list[str]]]  # (kind, segments with * between their elements)
    function: str = "PO"
    sender: str = "BUYER"
    receiver: str = "SELLER"
    control: str = "000000017"
    group: str = "42"
    date: str = "20260301"
    time: str = "1015"
    version: str = "00401"
    separators: Separators = X12_DEFAULT
    newline: str = "\n"
    changes: dict[str, str] = field(default_factory=dict)  # trailer tag -> another segment, "" for none

    def text(self) -> str:
        """The interchange."""
        body: list[str] = [self.isa(), self._gs()]
        for place, (kind, segments) in enumerate(self.sets, 1):
            number = f"{place:04}"
            body += [f"ST*{kind}*{number}", *segments]
            body.append(self.changes.get("SE", f"SE*{len(segments) + 2}*{number}"))
        body.append(self.changes.get("GE", f"GE*{len(self.sets)}*{self.group}"))
        body.append(self.changes.get("IEA", f"IEA*1*{self.control}"))
        marks = self.separators
        written = (line.replace("*", marks.element) for line in body if line)
        text = "".join(line + marks.terminator + self.newline for line in written)
        return text.replace(_COMPONENT, marks.component).replace(_REPETITION, marks.repetition or "U")

    def bytes(self) -> bytes:
        """The interchange in UTF-8."""
        return self.text().encode()

    def isa(self) -> str:
        """ISA, with * between its elements."""
        elements = [
            "00",
            " " * 10,
            "00",
            " " * 10,
            "ZZ",
            self.sender.ljust(15),
            "ZZ",
            self.receiver.ljust(15),
        ]
        elements += [self.date[2:], self.time, _REPETITION, self.version, self.control]
        return "*".join(["ISA", *elements, "0", "P", _COMPONENT])

    def _gs(self) -> str:
        return (
            f"GS*{self.function}*{self.sender}*{self.receiver}*{self.date}*{self.time}*{self.group}*X*004010"
        )


def an_x12(kind: str, *segments: str, **options: object) -> bytes:
    """An interchange with one set."""
    return X12([(kind, list(segments))], **options).bytes()  # type: ignore[arg-type]


def edifact(kind: str, *segments: str, **changes: str) -> bytes:
    """An interchange with one message; a change replaces a service segment by its tag."""
    count = len(segments) + 2
    body = [
        changes.get("UNB", "UNB+UNOC:3+4000001000005:14+5000002000003:14+260301:1015+REF17"),
        f"UNH+1+{kind}:D:96A:UN:EAN008",
        *segments,
        changes.get("UNT", f"UNT+{count}+1"),
        changes.get("UNZ", "UNZ+1+REF17"),
    ]
    return "".join(f"{line}'\n" for line in body if line).encode()


@st.composite
def separators(draw: st.DrawFn, *, is_edifact: bool) -> Separators:
    """Separators that an envelope may declare."""
    count = 5 if is_edifact else 4
    element, component, terminator, *more = draw(st.permutations(SPECIALS).map(lambda all_: all_[:count]))
    if is_edifact:
        release, repetition = more
        return Separators(element, component, terminator, draw(st.sampled_from(("", repetition))), release)
    return Separators(element, component, draw(st.sampled_from((terminator, "\n"))), more[0])


def written_texts(marks: Separators) -> st.SearchStrategy[str]:
    """Texts that X12, which has no release character, can carry with these separators."""
    own = "".join((marks.element, marks.component, marks.terminator, marks.repetition))
    return st.text(
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=own + "\ufeff"), max_size=12
    )


any_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff") | st.sampled_from(SPECIALS),
    max_size=12,
)
tags = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True).filter(
    lambda tag: tag[:2] not in ("UN", "IS", "IE", "TA") and tag[:2] not in ("ST", "SE", "GS", "GE")
)


def released(text: str, marks: Separators) -> str:
    """A text with a release character before whatever would separate."""
    special = {marks.element, marks.component, marks.terminator, marks.repetition, marks.release}
    return "".join(marks.release + char if char in special else char for char in text)

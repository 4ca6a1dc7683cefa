"""Where in somebody's own code an exception came from, as stack traces of Python, Java, .NET, JavaScript and
Ruby say it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_FRAME = 200
# Characters. Traces of endless recursion are longer and say nothing more; no frame is as long as such a line.
_MAX_STACK = 100_000
_MAX_LINE = 1_000

# What is not the shop's own code: runtimes, frameworks and clients that handlers commonly stand on.
_JAVA_LIBRARIES = (
    "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.",
    "clojure.", "org.springframework.", "org.apache.", "org.hibernate.", "org.jboss.", "org.eclipse.",
    "org.slf4j.", "org.junit.", "org.postgresql.", "org.mariadb.", "org.mongodb.", "org.jooq.",
    "org.codehaus.", "org.glassfish.", "org.aspectj.", "io.netty.", "io.vertx.", "io.quarkus.",
    "io.smallrye.", "io.micrometer.", "io.micronaut.", "io.opentelemetry.", "io.confluent.", "io.grpc.",
    "io.lettuce.", "io.camunda.", "reactor.", "rx.", "akka.", "play.", "feign.", "com.fasterxml.",
    "com.google.", "com.mysql.", "com.mongodb.", "com.microsoft.", "com.azure.", "com.amazonaws.",
    "com.rabbitmq.", "com.zaxxer.", "com.netflix.", "ch.qos.", "net.bytebuddy.", "net.sf.", "oracle.",
    "okhttp3.", "retrofit2.", "software.amazon.", "tools.jackson.", "ognl.", "lombok.",
)  # fmt: skip
_DOTNET_LIBRARIES = (
    "System.", "Microsoft.", "Interop.", "NServiceBus.", "ServiceControl.", "MassTransit.", "GreenPipes.",
    "Rebus.", "Wolverine.", "Paramore.", "EasyNetQ.", "RabbitMQ.", "Confluent.", "Azure.", "Amazon.",
    "Newtonsoft.", "Npgsql.", "MySql.", "MongoDB.", "Dapper.", "StackExchange.", "Polly.", "MediatR.",
    "FluentValidation.", "AutoMapper.", "Autofac.", "Castle.", "Grpc.", "Google.", "Serilog.", "Hangfire.",
    "Quartz.", "Refit.", "RestSharp.", "Xunit.", "NUnit.", "lambda_method", "CallSite.", "DynamicClass.",
)  # fmt: skip
_PYTHON_LIBRARY = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|^<frozen |/importlib/|^<string>")
_SCRIPT_LIBRARY = re.compile(r"/node_modules/|^node:|^internal/|^native |^<anonymous>|webpack/bootstrap")
_RUBY_LIBRARY = re.compile(r"/gems/|/ruby/\d|/lib/ruby/|^<internal:")

_PYTHON = re.compile(r'  ?File "(?P<file>[^"]+)", line \d+(?:, in (?P<name>.+))?')
_RUBY = re.compile(r"(?:from )?(?P<file>\S+\.rb|<internal:[^>]+>):\d+:in [`'](?P<name>.+?)'?$")
_SCRIPT = re.compile(
    r"at (?:async )?(?:new )?(?:(?P<name>[^()]+?) (?:\[as [^]]+\] )?\()?"
    r"(?P<file>[^()\s][^()]*?):\d+:\d+\)?$"
)
_SCRIPT_NATIVE = re.compile(r"at .+\((?:<anonymous>|native)\)$|at <anonymous>$")
_JAVA = re.compile(
    r"at (?:[\w.$@-]*/)*(?P<name>[\w.$<>/+]+)\((?:[\w$-]+\.\w+(?::-?\d+)?|Native Method|Unknown Source"
    r"|<generated>)\)"
)
# "at" as the runtime says it in English, German, French, Spanish, Portuguese and Russian.
_DOTNET = re.compile(r"(?:at|bei|\u00e0|en|em|\u0432) (?P<name>[^\s(]+)\(.*\)(?: .+ \d+\.?)?$")

_HASH = re.compile(r"(?<=[.-])[0-9a-f]{6,}(?=\.)")  # of a bundle: another one in every release
_ASYNC_METHOD = re.compile(r"[.+]<(\w+)>[a-z]__[\w|]*(?:`\d+(?:\[\[.*\]\])?)?(?:\.MoveNext)?$")
_CLOSURE = re.compile(r"[.+]<>c(?:__DisplayClass[\d_]+)?(?:`\d+)?(?=[.+])")
_GENERATED = re.compile(r"\$\$|\$Proxy\d|\.GeneratedMethodAccessor|_Accessor_|^jdk\.proxy|__\w+_proxy")
_LAMBDA = re.compile(r"lambda\$(\w+)\$\d+")

_NEW_PYTHON_ERROR = "During handling of the above exception"
_PYTHON_CAUSE = "The above exception was the direct cause"
_CAUSE = re.compile(r"\s*(?:Caused by|Wrapped by|\[cause\]|\[?cause\]?):", re.IGNORECASE)


class _Frame(NamedTuple):
    name: str
    is_own: bool


def first_own_frame(stack: str) -> str:
    """The place in the sender's own code that is nearest to the root cause, without line numbers, so that it
    stays the same when code above it changes; the nearest frame at all when every frame is a library's; ""
    when `stack` is no stack trace."""
    nearest = ""
    for part in _parts(stack[:_MAX_STACK]):
        frames = _frames(part)
        for frame in frames:
            if frame.is_own:
                return frame.name[:MAX_FRAME]
        if frames and not nearest:
            nearest = frames[0].name
    return nearest[:MAX_FRAME]


def _parts(stack: str) -> Iterator[str]:
    """The traces of the exceptions of one chain, root cause first."""
    if "Traceback (most recent call last)" in stack:
        for error in reversed(stack.split(_NEW_PYTHON_ERROR)):
            yield from error.split(_PYTHON_CAUSE)
        return
    parts: list[list[str]] = [[]]
    for line in stack.splitlines():
        if _CAUSE.match(line):
            parts.append([])
        parts[-1].append(line)
    yield from ("\n".join(lines) for lines in reversed(parts))


def _frames(part: str) -> list[_Frame]:
    """Its frames, the innermost first."""
    frames = [frame for line in part.splitlines() if (frame := _frame(line))]
    if _PYTHON.search(part):
        frames.reverse()
    return frames


def _frame(line: str) -> _Frame | None:
    text = line.strip()
    if len(text) > _MAX_LINE:
        return None
    if found := _PYTHON.match(line):
        return _Frame(_place(found["file"], found["name"]), not _PYTHON_LIBRARY.search(found["file"]))
    if found := _JAVA.match(text):
        return _java(found["name"])
    if found := _SCRIPT.match(text):
        return _Frame(_place(found["file"], found["name"]), not _SCRIPT_LIBRARY.search(found["file"]))
    if _SCRIPT_NATIVE.match(text):
        return None
    if found := _RUBY.match(text):
        return _Frame(_place(found["file"], found["name"]), not _RUBY_LIBRARY.search(found["file"]))
    if found := _DOTNET.match(text):
        return _dotnet(found["name"])
    return None


def _place(file: str, name: str | None) -> str:
    """The file below its folder: the folders above differ from one machine and release to the next."""
    path = file.replace("\\", "/").partition("?")[0]
    short = "/".join(path.rpartition("://")[2].split("/")[-2:])
    return f"{_HASH.sub('#', short)} {name or ''}".strip()


def _java(name: str) -> _Frame:
    is_generated = _GENERATED.search(name) is not None
    return _Frame(_LAMBDA.sub(r"\1", name), not is_generated and not name.startswith(_JAVA_LIBRARIES))


def _dotnet(name: str) -> _Frame:
    """`Orders.Handler.<Handle>d__5.MoveNext` is Orders.Handler.Handle, as it stands in the source."""
    plain = _ASYNC_METHOD.sub(r".\1", _CLOSURE.sub("", name))
    return _Frame(plain, not plain.startswith(_DOTNET_LIBRARIES))

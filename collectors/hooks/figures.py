"""What became of the requests to each hook, for /metrics."""

from __future__ import annotations

from collections import Counter
from threading import Lock

TAKEN = "taken"
QUARANTINED = "quarantined"


class HookFigures:
    """Counts requests; any thread may."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._unmapped: Counter[str] = Counter()

    def count(self, hook: str, outcome: str, unmapped: int = 0) -> None:
        """Count a request: `outcome` is TAKEN, QUARANTINED or the reason why it was refused."""
        with self._lock:
            self._requests[hook, outcome] += 1
            self._unmapped[hook] += unmapped

    def requests(self) -> dict[tuple[str, str], int]:
        """Requests by hook and outcome."""
        with self._lock:
            return dict(self._requests)

    def metrics(self) -> str:
        """Prometheus text."""
        with self._lock:
            requests, unmapped = sorted(self._requests.items()), sorted(self._unmapped.items())
        name = "controltower_hook_requests_total"
        lines = [f"# HELP {name} Webhook requests by what became of them.", f"# TYPE {name} counter"]
        lines += [f'{name}{{hook="{hook}",outcome="{outcome}"}} {n}' for (hook, outcome), n in requests]
        name = "controltower_hook_unmapped_total"
        lines += [f"# HELP {name} Payloads whose topic no mapping knows.", f"# TYPE {name} counter"]
        lines += [f'{name}{{hook="{hook}"}} {n}' for hook, n in unmapped]
        return "\n".join(lines) + "\n"

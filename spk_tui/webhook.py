"""Sending news to an address of the user's: one POST as ntfy.sh takes it, and as most other receivers can read it."""

from __future__ import annotations

from spk_tui.terminal import plain

TIMEOUT_SECONDS = 5.0
PRIORITIES = {"finish": "default", "failure": "high", "diagnosis": "high"}


def post(address: str, heading: str, text: str, occasion: str) -> str:
    """Sends one message; returns why it could not be delivered, or "". Blocks: call it in a thread."""
    import http.client
    import urllib.error
    import urllib.request

    headers = {
        "Title": plain(heading).encode("ascii", "replace").decode(),  # other letters may not stand in a header
        "Priority": PRIORITIES[occasion],
        "Tags": occasion,
        "Content-Type": "text/plain; charset=utf-8",
        "User-Agent": "spk-tui",
    }
    try:
        request = urllib.request.Request(address, text.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"{address}: answered {error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{address}: {getattr(error, 'reason', error)}"

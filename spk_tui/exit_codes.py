"""What the program's exit code tells a script. A promise: codes are added, never changed."""

from __future__ import annotations

WELL = 0
"""All went well; a run that was stopped on request has gone well, too."""

OUR_FAULT = 1
"""The program itself failed. Where the details lie is said on stderr."""

BAD_INPUT = 2
"""Something that was given can't be used: the message says what, and nothing was changed on disk."""

RUN_FAILED = 3
"""The run failed, diverged, or its worker died without a last word."""

LEFT = 130
"""Ctrl+C: the command was left before its end (128 + SIGINT, as shells have it). A run goes on in the background."""

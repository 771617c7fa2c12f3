"""The state that a run goes back to when it has gone wrong: the last one in which nothing was found, or the first.

It holds a copy of what `last` holds, on the training device. When to keep one and when to go back is left to the
trainer; `checkpoint.py` makes such contents, puts them back and writes this one into `last` with the newest.
"""

from __future__ import annotations

import copy
from typing import Any, TypeAlias

Content: TypeAlias = dict[str, Any]
"""Tensors by name in nested dictionaries, and text, as `last` has them."""


class HealthyState:
    """A content that training doesn't touch, and the step that it belongs to."""

    def __init__(self) -> None:
        self.step = -1
        self._content: Content = {}

    def keep(self, step: int, content: Content) -> None:
        """Copies the tensors as they are now."""
        self.step, self._content = step, copy.deepcopy(content)

    def copied(self) -> Content:
        """A copy to be put back: optimizers go on with the very tensors that they are given."""
        return copy.deepcopy(self._content)

    def beside(self, step: int) -> Content | None:
        """What `last` must hold beside the state of a step; none where that is this state itself."""
        return None if step == self.step else self._content

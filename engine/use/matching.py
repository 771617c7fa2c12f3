"""Which tensor of another program's state dict is which of ours, by names and shapes alone; nothing is computed.

First what somebody said, then equal names, then the names of the course's sample program, then shapes in order. What
could go to two places goes nowhere: a model with two layers changed over would load and be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from engine.errors import InputError, nearest_spelling, shown
from engine.use.export_results import Placed

Shape: TypeAlias = tuple[int, ...]
COUNTERS = "num_batches_tracked"
"""Ends the name of a tensor that batch norms count with and never use again."""

SAMPLE = (
    (r"prenet\.", "front_end.project."),
    (r"encoder_layer\.", "encoder.layers.0."),
    (r"encoder\.layers\.(\d+)\.", r"encoder.layers.\1."),
    (r"\.self_attn\.in_proj_", ".attention.query_key_value."),
    (r"\.self_attn\.out_proj\.", ".attention.output."),
    (r"\.linear1\.", ".feed_forward.expand."),
    (r"\.linear2\.", ".feed_forward.contract."),
    (r"\.norm1\.", ".attention_norm."),
    (r"\.norm2\.", ".feed_forward_norm."),
)
"""Names in the course's sample program, which are those of torch.nn.TransformerEncoderLayer, and ours."""
HEADS = (
    {r"pred_layer\.0\.": "head.hidden.", r"pred_layer\.2\.": "head.classifier."},
    {r"pred_layer\.0\.": "head.norm.", r"pred_layer\.1\.": "head.classifier."},
    {r"pred_layer\.": "head.classifier."},
)
"""The ends that students give the sample: Linear-ReLU-Linear, BatchNorm-Linear, and Linear."""
QUERY = re.compile(
    r"(?:^|(?<=[._]))(?:w_?|fc_?|to_?|linear_?)?(q|query|queries)(?:_?(?:proj|linear|layer))?(?=\.|$)", re.I
)
OTHERS = {"q": ("k", "v"), "query": ("key", "value"), "queries": ("keys", "values")}


def match(theirs: Mapping[str, Shape], ours: Mapping[str, Shape], moves: Sequence[str] = ()) -> list[Placed]:
    """A place for each tensor of both sides, in the order of ours; several of theirs in one are joined by "+".

    moves: "theirs=ours", "one+another=ours" (stacked), or "theirs=" (left out). Raises `InputError`.
    """
    search = _Search(theirs, ours)
    for move in moves:
        search.move(move)
    for name in list(search.theirs):
        search.place(name, name, "the same name")
        search.place(name, f"encoder.{name}", "the same name, in the encoder")
    search.by_the_names_of_the_sample()
    search.join_queries()
    search.by_shape()
    return search.finished()


class _Search:
    """What is left on both sides, and what has found its place."""

    def __init__(self, theirs: Mapping[str, Shape], ours: Mapping[str, Shape]) -> None:
        self.theirs = {name: shape for name, shape in theirs.items() if not name.endswith(COUNTERS)}
        self.ours = {name: shape for name, shape in ours.items() if not name.endswith(COUNTERS)}
        self.order = list(self.ours)
        self.placed: list[Placed] = []

    def place(self, theirs: str, ours: str, way: str) -> None:
        """Puts one tensor into its place, when both are free and of one shape."""
        if theirs in self.theirs and self.theirs[theirs] == self.ours.get(ours, ()) and ours in self.ours:
            self.placed.append(Placed(theirs, ours, self.ours.pop(ours), way))
            del self.theirs[theirs]

    def move(self, move: str) -> None:
        """Does what somebody said. Raises `InputError`."""
        left, equals, right = move.partition("=")
        names = [name.strip() for name in left.split("+")]
        right = right.strip()
        if not equals or not all(names):
            raise InputError(f"--map {move}: is no 'theirs=ours'; such as prenet.weight=front_end.project.weight")
        for name in names:
            if name not in self.theirs:
                raise InputError(f"--map {move}: the file has no '{name}'{nearest_spelling(name, self.theirs)}")
        if right and right not in self.ours:
            raise InputError(f"--map {move}: the preset's model has no '{right}'{nearest_spelling(right, self.ours)}")
        shape = stacked([self.theirs[name] for name in names])
        if right and shape != self.ours[right]:
            raise InputError(f"--map {move}: {_shape(shape or ())} doesn't fit {_shape(self.ours[right])}")
        for name in names:
            del self.theirs[name]
        if right:
            self.ours.pop(right)
        self.placed.append(Placed("+".join(names), right, shape or (), "as told"))

    def by_the_names_of_the_sample(self) -> None:
        """The sample's own names. It makes its layer twice when it takes several, and uses the copies alone."""
        copies = any(name.startswith("encoder.layers.") for name in self.theirs)
        for name in [name for name in self.theirs if copies and name.startswith("encoder_layer.")]:
            self.placed.append(Placed(name, "", self.theirs.pop(name), "only copied from"))
        for head in HEADS:
            renamed = {name: _renamed(name, (*SAMPLE, *head.items())) for name in self.theirs}
            ends = {ours for name, ours in renamed.items() if name.startswith("pred_layer.")}
            if ends and ends <= self.ours.keys():
                break
        for name, ours in renamed.items():
            self.place(name, ours, "a name of the sample program")

    def join_queries(self) -> None:
        """Three projections that are called query, key and value, where ours are one."""
        for name in list(self.theirs):
            found = QUERY.search(name)
            wanted = [ours for ours in self.ours if ".query_key_value." in ours]
            if found is None or not wanted:
                continue
            begin, end = found.span(1)
            words = OTHERS[found[1].lower()]
            names = [name, *(name[:begin] + _like(word, found[1]) + name[end:] for word in words)]
            if not all(one in self.theirs for one in names):
                continue
            shape = stacked([self.theirs[one] for one in names])
            fitting = [
                ours for ours in wanted if self.ours[ours] == shape and ours.split(".")[-1] == name.split(".")[-1]
            ]
            if fitting:
                for one in names:
                    del self.theirs[one]
                self.placed.append(
                    Placed("+".join(names), fitting[0], self.ours.pop(fitting[0]), "query, key and value")
                )

    def by_shape(self) -> None:
        """The rest: one by one where both sides go through the same shapes, else those of a shape that is alone."""
        if [*self.theirs.values()] == [*self.ours.values()]:
            for name, ours in list(zip(self.theirs, self.ours, strict=True)):
                self.place(name, ours, "its place in the order")
            return
        for name, shape in list(self.theirs.items()):
            same = [ours for ours, wanted in self.ours.items() if wanted == shape]
            if len(same) == 1 and list(self.theirs.values()).count(shape) == 1:
                self.place(name, same[0], "the only one of its shape")

    def finished(self) -> list[Placed]:
        """All places. Raises `InputError` when anything is left."""
        if not self.theirs and not self.ours:
            place = {name: number for number, name in enumerate(self.order)}
            return sorted(self.placed, key=lambda one: place.get(one.ours, len(place)))
        lines = [f"{len(self.placed)} tensors found their place, and these didn't:"]
        for title, left in (("in the file", self.theirs), ("in the preset's model", self.ours)):
            some = [f"  {shown(name)} {_shape(shape)}" for name, shape in list(left.items())[:12]]
            more = [f"  and {len(left) - 12} more"] if len(left) > 12 else []
            lines += [f"{title}:", *(some or ["  none"]), *more]
        advice = (
            "either the preset has other sizes (--set encoder.ffn=..., --set encoder.layers=...), or say it with --map"
            " theirs=ours, --map one+another=ours for what is one tensor here, --map theirs= for what isn't used"
        )
        raise InputError("\n".join([*lines, advice]))


def stacked(shapes: Sequence[Shape]) -> Shape | None:
    """The shape of tensors one below the other; none where they don't fit."""
    if len(shapes) == 1:
        return shapes[0]
    if any(len(shape) == 0 or shape[1:] != shapes[0][1:] for shape in shapes):
        return None
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _renamed(name: str, rules: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        anchored = pattern if pattern.startswith(r"\.") else rf"^{pattern}"
        name = re.sub(anchored, replacement, name)
    return name


def _like(word: str, model: str) -> str:
    """A word in the letters of another: key as Query is Key."""
    return word.upper() if model.isupper() else word.capitalize() if model[0].isupper() else word


def _shape(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"

"""Assigning into what was taken from a tensor, without writing to tensors that nobody can see.

`x[index]` remembers the tensor that it was taken from, though it is a copy of it, and an assignment into it
writes it back there, and from there to where that one was taken from. A loop with `x = x[index]` makes that
chain longer each time around, as the beam search of UniDiffuser does. Here an assignment ends the chain if
no tensor in it is held by anything but the chain.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np
from mindspore import Tensor
from mindspore._c_expression import TensorPy


def install() -> None:
    """Put the check before MindSpore's own assignment."""
    native, of_chain = Tensor._setitem_origin, _references_of_chain()
    if of_chain is None:
        return

    @functools.wraps(native)
    def assign(self: Tensor, index: Any, value: Any) -> Any:
        if self.parent_tensor_ is not None and _unseen(self, of_chain):
            self.parent_tensor_ = None
        return native(self, index, value)

    Tensor._setitem_origin = assign


def _unseen(tensor: Any, of_chain: int) -> bool:
    """Return whether nothing but ``tensor`` leads to those that it was taken from, one from the other.

    Only places in a tensor of integers or bool count: writing there gives the parent a memory of its own, so
    a view of the parent does not see it. Along other places it may.
    """
    while (parent := tensor.parent_tensor_) is not None:
        if sys.getrefcount(parent) != of_chain or not isinstance(tensor.index_of_parent_, TensorPy):
            return False
        tensor = parent
    return True


def _references_of_chain() -> int | None:
    """Return the count of references to a parent that only its child leads to; None if children keep none."""
    child = Tensor(np.zeros(2, np.float32))[Tensor([0])]
    if getattr(child, "parent_tensor_", None) is None:
        return None
    parent = child.parent_tensor_
    return sys.getrefcount(parent)

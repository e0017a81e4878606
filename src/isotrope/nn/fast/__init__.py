"""What is there for speed alone. The layers of `isotrope.nn` read without it.

Each file holds one idea: a fast form and, beside it, its plain twin `plain_...`, which computes the
same by the equation. A third function takes the fast form where that pays off: it is the one that
the layers call. Tests hold the twins equal in float64, forward and backward.

    with isotrope.nn.plain():   # every layer computes by the plain twins, in this thread or task
        model(images)
"""

from isotrope.nn.fast.switch import enabled, plain

__all__ = ["enabled", "plain"]

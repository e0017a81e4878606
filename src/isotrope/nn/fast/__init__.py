"""Code that exists only for speed. You can read the layers of `isotrope.nn` without it.

Each file holds one idea: a fast form and its plain twin `plain_...`, which computes the same thing
straight from the equation. The layers call a third function, which picks the fast form where it
pays off. Tests check that the twins agree in float64, forward and backward.

    with isotrope.nn.plain():   # every layer uses the plain twins, in this thread or task
        model(images)
"""

from isotrope.nn.fast.switch import enabled, plain

__all__ = ["enabled", "plain"]

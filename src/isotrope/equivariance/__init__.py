"""Checking symmetry: the error of a module, the layer that breaks it, and a suite for tests.

`isotrope.equivariance.testing` is imported by tests alone, since it needs pytest and hypothesis.
"""

from isotrope.equivariance.auditing import audit
from isotrope.equivariance.measure import assert_equivariant, equivariance_error
from isotrope.equivariance.report import AuditReport, AuditRow

__all__ = ["AuditReport", "AuditRow", "assert_equivariant", "audit", "equivariance_error"]

"""Check symmetry: the error of a module, the layer that breaks it, and a test suite.

Import `isotrope.equivariance.testing` in tests only: it needs pytest and hypothesis.
"""

from isotrope.equivariance.auditing import audit
from isotrope.equivariance.measure import assert_equivariant, equivariance_error
from isotrope.equivariance.report import AuditReport, AuditRow

__all__ = ["AuditReport", "AuditRow", "assert_equivariant", "audit", "equivariance_error"]

"""Reading order: from the lines of a page to regions in the order of reading. No torch.

Sources: Breuel, *High Performance Document Layout Analysis* (2003), for gutters with lines across
them; Nagy and Seth, *Hierarchical Representation of Optically Scanned Documents* (1984), for
cutting a page along white space.
"""

from isotrope.ocr.order.parting import parted
from isotrope.ocr.order.regions import regions

__all__ = ["parted", "regions"]

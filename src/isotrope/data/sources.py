"""Where to get labeled sets. No torch."""

SOURCES = """
  rotated MNIST   http://www.iro.umontreal.ca/~lisa/icml2007data/mnist_rotation_new.zip (.amat)
  MNIST           https://ossci-datasets.s3.amazonaws.com/mnist (four files *-ubyte.gz)
  PatchCamelyon   https://github.com/basveeling/pcam (six files *.h5)
  your own        train/<class>/*, test/<class>/*, perhaps valid/<class>/*, in a folder or a tar"""
"""Each kind of set and where to get it, for error messages."""

"""Equivariant layers, one idea per file."""

from isotrope.nn.arrows import Arrows
from isotrope.nn.attention import GroupConvSelfAttention, GroupSelfAttention
from isotrope.nn.block import Block, ConvLayer, FeedForward
from isotrope.nn.conv import GroupConv
from isotrope.nn.encodings import MLP, Encoding, NoEncoding, Rotary, Table
from isotrope.nn.fast import plain
from isotrope.nn.frame import Frame
from isotrope.nn.lifting import LiftingConv, LiftingSelfAttention
from isotrope.nn.lowering import LoweringConv
from isotrope.nn.norm import LiftedBatchNorm
from isotrope.nn.orbit import LiftingOrbit, Orbit
from isotrope.nn.pooling import InvariantPool
from isotrope.nn.residual import ResidualScale
from isotrope.nn.steps import Downsample, MeanPool
from isotrope.nn.upsample import Upsample

__all__ = [
    "MLP",
    "Arrows",
    "Block",
    "ConvLayer",
    "Downsample",
    "Encoding",
    "FeedForward",
    "Frame",
    "GroupConv",
    "GroupConvSelfAttention",
    "GroupSelfAttention",
    "InvariantPool",
    "LiftedBatchNorm",
    "LiftingConv",
    "LiftingOrbit",
    "LiftingSelfAttention",
    "LoweringConv",
    "MeanPool",
    "NoEncoding",
    "Orbit",
    "ResidualScale",
    "Rotary",
    "Table",
    "Upsample",
    "plain",
]

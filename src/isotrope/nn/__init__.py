"""Equivariant layers, one idea a file."""

from isotrope.nn.attention import GroupConvSelfAttention, GroupSelfAttention
from isotrope.nn.block import Block, ConvLayer, Downsample, FeedForward, MeanPool
from isotrope.nn.conv import GroupConv
from isotrope.nn.frame import Frame, Orbit
from isotrope.nn.lifting import LiftingConv, LiftingSelfAttention
from isotrope.nn.norm import LiftedBatchNorm
from isotrope.nn.pooling import InvariantPool
from isotrope.nn.position import MLP, Rotary, Table

__all__ = [
    "MLP",
    "Block",
    "ConvLayer",
    "Downsample",
    "FeedForward",
    "Frame",
    "GroupConv",
    "GroupConvSelfAttention",
    "GroupSelfAttention",
    "InvariantPool",
    "LiftedBatchNorm",
    "LiftingConv",
    "LiftingSelfAttention",
    "MeanPool",
    "Orbit",
    "Rotary",
    "Table",
]

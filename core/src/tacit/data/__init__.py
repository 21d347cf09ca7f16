"""Data: what a source is, in which order it is read, and how batches reach the device."""

from tacit.data.chance import Draw, mixed_seed
from tacit.data.column import Column, Reader
from tacit.data.described import Described, Descriptions, described
from tacit.data.fingerprint import fingerprint
from tacit.data.indices import index_tensor
from tacit.data.labels import class_names, coded, complete
from tacit.data.loader import Loader, auto_workers, batches, sequential
from tacit.data.mixture import Mixture
from tacit.data.order import EpochOrder, slice_of, whole_epoch
from tacit.data.paired import Member, Paired
from tacit.data.pairs import Pairs, PairsConfig
from tacit.data.recognise import recognise
from tacit.data.scan import OnError, Scan, scan
from tacit.data.source import GeneratedSource, Source, opening
from tacit.data.tables import read_table

__all__ = [
    "Column",
    "Described",
    "Descriptions",
    "Draw",
    "EpochOrder",
    "GeneratedSource",
    "Loader",
    "Member",
    "Mixture",
    "OnError",
    "Paired",
    "Pairs",
    "PairsConfig",
    "Reader",
    "Scan",
    "Source",
    "auto_workers",
    "batches",
    "class_names",
    "coded",
    "complete",
    "described",
    "fingerprint",
    "index_tensor",
    "mixed_seed",
    "opening",
    "read_table",
    "recognise",
    "scan",
    "sequential",
    "slice_of",
    "whole_epoch",
]

"""Bags: sets of codes with values, such as the laboratory tests of a patient."""

from tacit_tabular.bags.codes import Code, fitted, normalised
from tacit_tabular.bags.modality import Bag, Bags

__all__ = ["Bag", "Bags", "Code", "fitted", "normalised"]

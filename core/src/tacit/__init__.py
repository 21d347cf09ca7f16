"""Pretrain encoders without labels, on any kind of data."""

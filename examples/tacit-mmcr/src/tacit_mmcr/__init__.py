"""tacit-mmcr."""

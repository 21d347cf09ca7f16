"""tacit-timeseries."""

"""Text for tacit: tokenizers, encoders, views, objectives and sources."""

"""Images for tacit."""

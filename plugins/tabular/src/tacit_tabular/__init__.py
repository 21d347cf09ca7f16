"""Tables for tacit: rows of typed columns."""

"""``/api/own``: what the field's API has no place for."""

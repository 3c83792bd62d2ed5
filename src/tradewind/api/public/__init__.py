"""``/api/v2``: the field's public API, one router per noun, in the shapes clients know."""

"""What the server answers over HTTP: to people (``public``, ``own``) and to workers (``work``)."""

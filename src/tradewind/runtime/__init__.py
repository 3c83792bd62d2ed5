"""Lives beside user code: imports Dag files, describes them, runs attempts of their tasks."""

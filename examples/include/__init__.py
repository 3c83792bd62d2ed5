"""What the example Dags share: the shop, its exports, the warehouse, the report."""

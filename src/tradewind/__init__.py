"""Tradewind: the whole life of a data pipeline in one Python package."""

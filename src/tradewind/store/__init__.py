"""All SQL of Tradewind. Rows never leave: functions take and return core values."""

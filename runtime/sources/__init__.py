"""Files of people as tables: found, looked at, read. Imports `tables`, `completions` for where weights lie, and `store`."""

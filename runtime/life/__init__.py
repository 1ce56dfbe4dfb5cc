"""What became of rows, read back from ledgers: why, near, seek, the funnel, remarks. Imports `build` and below."""

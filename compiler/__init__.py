"""Recipe and facts in, plan out: pure, and reads no data."""

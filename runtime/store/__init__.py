"""Results by key and objects by digest on disk. Imports nothing else of the runtime."""

"""Results by key and objects by digest on disk, and outside both what was paid for. Imports nothing else of the runtime."""

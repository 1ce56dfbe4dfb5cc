"""Results by key and objects by digest, on disk or in a bucket that machines share.

Records are typed and read here alone; what was paid for lies outside the folder of the store's format. Imports nothing else
of the runtime.
"""

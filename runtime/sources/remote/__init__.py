"""Files that lie on other machines: fetched before a build reads them, kept by the digest of their bytes, pinned by the lock.

A recipe says only where; what may be reached, and as whom, is said on the command line and by the environment.
"""

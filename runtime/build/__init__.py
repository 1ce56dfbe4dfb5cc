"""One recipe opened on this machine, built, and compared with its lock. Imports all that stages are made of."""

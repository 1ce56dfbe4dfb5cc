"""What a model may be taught by.

One objective a file; `train.py` is what they share.
"""

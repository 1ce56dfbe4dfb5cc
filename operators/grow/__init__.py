"""Steps by which rows have children beside them.

`expand.py` is what they share; `exams.py` is the work of `merge_options`, loaded when it runs.
"""

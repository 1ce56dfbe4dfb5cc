"""What a recipe declares besides steps.

Sources, models, benchmarks, language profiles, the type of a trace, who is judged by what. The top room of operators.
"""

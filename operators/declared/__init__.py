"""What a recipe declares besides steps: sources, models, benchmarks, profiles, the type of a trace."""

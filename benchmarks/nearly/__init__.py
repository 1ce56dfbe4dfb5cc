"""What benchmarks of near duplicates share: labelled pairs, all pairs counted truly, and peers in interpreters of their own."""

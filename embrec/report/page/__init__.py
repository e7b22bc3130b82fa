"""The HTML report: one file that says what was trained, how it was measured, what came out, and shows it on real users."""

"""The command line: the verbs of `exponential`, and what each of them does."""

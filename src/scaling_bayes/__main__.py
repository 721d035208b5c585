"""``python -m scaling_bayes``: the command line."""

from scaling_bayes.cli import main

main()

from exponential.cli import main

main()

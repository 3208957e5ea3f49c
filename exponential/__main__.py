from exponential.cli.main import main

main()

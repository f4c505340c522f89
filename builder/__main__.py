"""`python -m builder` is the command `tsumiki`."""

from builder.cli import main

if __name__ == "__main__":
    main()

"""What the command line does, one command a file; and what the commands share."""

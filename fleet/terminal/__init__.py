"""POSIX sh that runs on the terminals, and the compiler from playbook steps to one program."""

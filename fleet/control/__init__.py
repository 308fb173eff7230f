"""What a person may do: checks the right, appends the event. Store and pure stages only."""

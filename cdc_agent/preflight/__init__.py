"""What happens before and after the flow: check, grants, setup, teardown, and the proposal that `init` makes."""

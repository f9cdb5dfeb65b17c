"""One pipeline's stream: from the queue behind the source to the commit on the target. `pipeline` knows the order."""

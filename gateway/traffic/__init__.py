"""The flow of texts: in, through the decision, into the queue, through the gate, out; and what comes back of them."""

"""The one place that knows all concrete classes: starts them in order, stops them in reverse, hears signals."""

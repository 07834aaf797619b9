"""The outermost layer: settings, the embedded stack, connections, wiring and the command line."""

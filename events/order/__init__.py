"""The order stream: one order's life from the store to the door, one stream an order."""

"""The operations stream: alerts about targets that are missed, and their end; so alerts are history."""

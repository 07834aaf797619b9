"""Returns and claims: the rules as data, what they propose, and giving money back."""

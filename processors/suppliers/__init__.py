"""Suppliers of ready-made goods: they pick and pack what nobody prints on, behind the print partners' protocol."""

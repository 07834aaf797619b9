"""What can be made where: the catalogue as a table, what an import would change, and news from partners."""

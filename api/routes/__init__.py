"""The versioned routes: orders, their files, and whether this process is well."""

"""Published models, each composed from the parts beside this folder."""

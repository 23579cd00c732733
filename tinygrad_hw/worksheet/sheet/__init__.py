"""The TOML sheet: its model, its reader, its writer."""

"""The array libraries that polygrad knows, a record each, loaded through entry points."""

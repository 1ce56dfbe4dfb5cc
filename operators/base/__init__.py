"""What an operator is, and what its declarations are made of: fields, scopes, complaints, licences, bounds. Imports `text`."""

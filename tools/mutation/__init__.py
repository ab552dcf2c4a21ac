"""Mutation testing: small wrong changes to the code that the tests ought to notice."""

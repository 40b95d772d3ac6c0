"""The nouns of mcmock and the tables about them. Nothing here knows an API, a socket, or another package."""

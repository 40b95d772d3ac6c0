"""The JSON of each noun, its schema, and the log as NDJSON and HAR."""

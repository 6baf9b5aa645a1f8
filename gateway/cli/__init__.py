"""`llamaflow`: starts runs, tells and follows them over HTTP. Imports little, so that one answer takes a fraction of a second."""

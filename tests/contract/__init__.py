"""Tests that the committed API documents and the README's examples are true."""

"""Tests of the committed API documents and the README's examples."""

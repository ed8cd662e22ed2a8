"""Tests of the published contract: API documents and guides."""

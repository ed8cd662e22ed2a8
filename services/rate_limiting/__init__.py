"""Rate limiting with the sliding window counter of the library `limits`, in memory or in Redis."""

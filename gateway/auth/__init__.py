"""Who calls and what they may: API keys, scopes, rate limits and quotas, rotation, audit."""

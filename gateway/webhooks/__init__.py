"""Webhooks: who is told what (subscriptions), what still has to be told (deliveries), and the telling (dispatcher)."""

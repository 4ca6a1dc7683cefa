"""Webhooks: vendors post to /hooks/<mapping>, and prove who they are before anything else."""

"""Replays: planned and frozen, agreed to, sent step by step, and confirmed by the business."""

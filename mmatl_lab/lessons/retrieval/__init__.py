"""Retrieval: triplet losses, rankings and their metrics, five modalities in one space, hubs, and search at scale."""

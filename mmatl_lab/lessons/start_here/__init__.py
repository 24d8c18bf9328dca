"""The tour: one scene in all views, what each can tell, and how lessons work."""

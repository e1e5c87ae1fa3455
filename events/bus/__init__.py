"""The event bus: what is published, kept, handed out and acknowledged, behind one contract."""
